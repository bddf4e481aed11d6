"""A Litestar application with the health endpoints that its users write.

`/health/live` says that the process answers, and depends on nothing. `/health` and
`/health/ready` ask the database and the cache: 200 `{"status": "ok", …}`, or 503
`{"status": "degraded", …}` while one of them is away. `/health/report` says the same with 200
always, for readers that must not take the site out of service.

Where the two are comes from DATABASE_URL and REDIS_URL. Its job is in `jobs.py`.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from litestar import Litestar, Response, get
from litestar.datastructures import State
from litestar.status_codes import HTTP_200_OK, HTTP_503_SERVICE_UNAVAILABLE
from redis.asyncio import Redis

from jobs import scheduled

# A dependency that has not answered by then counts as away.
CHECK_TIMEOUT = 1.0


@asynccontextmanager
async def connections(app: Litestar) -> AsyncIterator[None]:
    """Opens both pools without insisting that anyone answers yet."""
    pool = asyncpg.create_pool(
        os.environ["DATABASE_URL"], min_size=0, max_size=4, timeout=CHECK_TIMEOUT
    )
    await pool
    redis = Redis.from_url(
        os.environ["REDIS_URL"],
        socket_timeout=CHECK_TIMEOUT,
        socket_connect_timeout=CHECK_TIMEOUT,
    )
    app.state.pool = pool
    app.state.redis = redis
    try:
        yield
    finally:
        await redis.aclose()
        pool.terminate()


async def ask_database(state: State) -> None:
    async with state.pool.acquire() as connection:
        await connection.fetchval("SELECT 1")


async def ask_cache(state: State) -> None:
    await state.redis.ping()


async def verdict(question: Awaitable[None]) -> str:
    try:
        await asyncio.wait_for(question, CHECK_TIMEOUT)
    except Exception as error:  # whatever went wrong, the dependency did not answer
        return f"error: {type(error).__name__}"
    return "ok"


async def checked(state: State) -> dict[str, Any]:
    database, cache = await asyncio.gather(
        verdict(ask_database(state)), verdict(ask_cache(state))
    )
    checks = {"database": database, "redis": cache}
    healthy = all(check == "ok" for check in checks.values())
    return {"status": "ok" if healthy else "degraded", "checks": checks}


async def health_of(state: State) -> Response[dict[str, Any]]:
    body = await checked(state)
    healthy = body["status"] == "ok"
    return Response(
        body, status_code=HTTP_200_OK if healthy else HTTP_503_SERVICE_UNAVAILABLE
    )


@get("/health")
async def health(state: State) -> Response[dict[str, Any]]:
    return await health_of(state)


@get("/health/ready")
async def ready(state: State) -> Response[dict[str, Any]]:
    return await health_of(state)


@get("/health/report")
async def report(state: State) -> dict[str, Any]:
    return await checked(state)


@get("/health/live", sync_to_thread=False)
def live() -> dict[str, str]:
    return {"status": "ok"}


app = Litestar(
    route_handlers=[health, ready, report, live], lifespan=[connections, scheduled]
)
