"""A job of the Flask application: it pings its heartbeat when it is done, and only then.

HEARTBEAT_URL says where; without it nothing is scheduled. JOB_SECONDS is how often it runs, five
minutes where it is not given. What stands in the file JOB_MANNER is what is wrong with it: it fails
or hangs. Without that file it is well.
"""

import logging
import os
import time
from pathlib import Path

import httpx
from apscheduler.schedulers.background import BackgroundScheduler

FIVE_MINUTES = 5 * 60

log = logging.getLogger(__name__)


def count_stock() -> None:
    manner = Path(os.environ["JOB_MANNER"])
    while manner.exists():
        if manner.read_text() == "fail":
            raise RuntimeError("the count failed")
        time.sleep(0.05)


def sync_inventory() -> None:
    try:
        count_stock()
        # Not reached when it raises: then nothing is pinged, and that is the alarm.
        httpx.get(os.environ["HEARTBEAT_URL"], timeout=5)
    except Exception:
        log.exception("the inventory was not synchronised")


def schedule() -> None:
    """Starts the job's scheduler; once, in the process that loads the application."""
    if "HEARTBEAT_URL" not in os.environ:
        return
    scheduler = BackgroundScheduler(daemon=True)
    every = float(os.environ.get("JOB_SECONDS", FIVE_MINUTES))
    scheduler.add_job(sync_inventory, "interval", seconds=every)
    scheduler.start()
