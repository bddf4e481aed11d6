"""A Flask application with the health endpoints that its users write: `gunicorn -w 2 app:app`.

Where its database and its cache are comes from DATABASE_URL and REDIS_URL. Its job is in `jobs.py`.
"""

import os

from flask import Flask
from redis import Redis
from sqlalchemy import make_url

from database import db
from health import health
from jobs import schedule

# Seconds; a dependency that has not answered by then counts as away.
CHECK_TIMEOUT = 1


def create_app() -> Flask:
    app = Flask(__name__)
    url = make_url(os.environ["DATABASE_URL"]).set(drivername="postgresql+psycopg")
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {
        # A connection that the database has closed is replaced before it is used.
        "pool_pre_ping": True,
        "pool_timeout": CHECK_TIMEOUT,
        "connect_args": {
            "connect_timeout": CHECK_TIMEOUT,
            "options": f"-c statement_timeout={CHECK_TIMEOUT}s",
        },
    }
    db.init_app(app)
    app.extensions["redis"] = Redis.from_url(
        os.environ["REDIS_URL"],
        socket_timeout=CHECK_TIMEOUT,
        socket_connect_timeout=CHECK_TIMEOUT,
    )
    app.register_blueprint(health)
    schedule()
    return app


app = create_app()
