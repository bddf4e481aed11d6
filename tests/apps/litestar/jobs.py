"""A job of the Litestar application: it pings its heartbeat when it is done, and only then.

HEARTBEAT_URL says where; without it nothing is scheduled. JOB_SECONDS is how often it runs, a day
where it is not given. What stands in the file JOB_MANNER is what is wrong with it: it fails or
hangs. Without that file it is well.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from litestar import Litestar

DAY = 24 * 60 * 60


async def clean_up() -> None:
    manner = Path(os.environ["JOB_MANNER"])
    while manner.exists():
        if manner.read_text() == "fail":
            raise RuntimeError("the clean-up failed")
        await asyncio.sleep(0.05)


async def nightly_cleanup() -> None:
    await clean_up()
    # Not reached when it raises: then nothing is pinged, and that is the alarm.
    async with httpx.AsyncClient() as client:
        await client.get(os.environ["HEARTBEAT_URL"], timeout=10)


@asynccontextmanager
async def scheduled(app: Litestar) -> AsyncIterator[None]:
    if "HEARTBEAT_URL" not in os.environ:
        yield
        return
    scheduler = AsyncIOScheduler()
    every = float(os.environ.get("JOB_SECONDS", DAY))
    scheduler.add_job(nightly_cleanup, "interval", seconds=every)
    scheduler.start()
    try:
        yield
    finally:
        scheduler.shutdown(wait=False)
