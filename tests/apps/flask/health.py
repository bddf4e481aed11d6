"""The health blueprint: what Vigilmon watches.

`/health/live` says that the process answers, and depends on nothing. `/health` and
`/health/ready` ask the database and the cache: 200 `{"status": "ok", …}`, or 503
`{"status": "degraded", …}` while one of them is away. `/health/report` says the same with 200
always, for readers that must not take the site out of service.
"""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, current_app
from sqlalchemy import text

from database import db

health = Blueprint("health", __name__, url_prefix="/health")

Answer = tuple[dict[str, Any], int]


def ask_database() -> None:
    db.session.execute(text("SELECT 1"))


def ask_cache() -> None:
    current_app.extensions["redis"].ping()


def verdict(question: Callable[[], None]) -> str:
    try:
        question()
    except Exception as error:  # whatever went wrong, the dependency did not answer
        current_app.logger.warning("health: %s", error)
        return f"error: {type(error).__name__}"
    return "ok"


def checked() -> dict[str, Any]:
    checks = {"database": verdict(ask_database), "redis": verdict(ask_cache)}
    healthy = all(check == "ok" for check in checks.values())
    return {"status": "ok" if healthy else "degraded", "checks": checks}


@health.get("")
def overall() -> Answer:
    body = checked()
    return body, 200 if body["status"] == "ok" else 503


@health.get("/ready")
def ready() -> Answer:
    return overall()


@health.get("/report")
def report() -> Answer:
    return checked(), 200


@health.get("/live")
def live() -> Answer:
    return {"status": "ok"}, 200
