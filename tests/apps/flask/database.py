"""The application's database, apart so that blueprints can name it."""

from flask_sqlalchemy import SQLAlchemy

db = SQLAlchemy()
