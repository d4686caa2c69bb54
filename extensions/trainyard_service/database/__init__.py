"""The service's database: engine, tables and migrations (SQLite embedded, PostgreSQL by URL)."""

from trainyard_service.database.engine import Database

__all__ = ["Database"]
