"""Alembic's entry: runs the migrations on the connection it is given (see ``database.upgrade``)."""

from __future__ import annotations

from alembic import context

import trainyard_service.database.tables  # noqa: F401  (fills the metadata)
from trainyard_service.database.base import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    user_module_prefix="base.",
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
