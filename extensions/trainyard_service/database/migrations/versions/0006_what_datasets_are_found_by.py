"""what datasets are found by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trainyard_service.database.tables.datasets import words_of

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("datasets", sa.Column("words", sa.String(), server_default="", nullable=False))
    op.add_column("datasets", sa.Column("list_of", sa.String(), nullable=True))
    op.create_index(op.f("ix_datasets_list_of"), "datasets", ["list_of"], unique=False)
    _fill()


def _fill() -> None:
    datasets = sa.table(
        "datasets",
        *(sa.column(name) for name in ("id", "name", "description", "words")),
        sa.column("label_sets", sa.JSON()),
    )
    connection = op.get_bind()
    for row in connection.execute(sa.select(datasets)).all():
        words = words_of(row.name, row.description, row.label_sets or [])
        connection.execute(datasets.update().where(datasets.c.id == row.id).values(words=words))
