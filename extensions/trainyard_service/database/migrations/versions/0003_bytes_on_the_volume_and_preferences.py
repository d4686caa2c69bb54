"""bytes on the volume and preferences.

Columns are added in place: SQLite would otherwise copy and drop tables that others point to, and take their rows along.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trainyard_service.database import base

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_CHARGED = ("batches", "datasets", "uploads")
_MEASURED = ("batches", "datasets", "trainings")


def upgrade() -> None:
    number = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    for table in _CHARGED:
        constraint = f"CONSTRAINT fk_{table}_group_id_groups REFERENCES groups (id)"
        op.execute(f"ALTER TABLE {table} ADD COLUMN group_id {number} {constraint}")
        op.create_index(f"ix_{table}_group_id", table, ["group_id"], unique=False)
    for table in _MEASURED:
        op.add_column(table, sa.Column("disk", sa.BigInteger(), server_default="0", nullable=False))
    op.create_table(
        "preferences",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("at", base.UtcTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_preferences")),
    )
    op.create_table(
        "folder_uses",
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("group_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("files", sa.BigInteger(), nullable=False),
        sa.Column("at", base.UtcTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_folder_uses_account_id_accounts"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_folder_uses_group_id_groups"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("place", name=op.f("pk_folder_uses")),
    )
    op.create_index("ix_folder_uses_account_id", "folder_uses", ["account_id"], unique=False)
    op.create_index("ix_folder_uses_group_id", "folder_uses", ["group_id"], unique=False)
    _fill()


def _fill() -> None:
    """What is known already; the first measurement completes it."""
    for table in ("batches", "datasets"):
        op.execute(f"UPDATE {table} SET group_id = (SELECT jobs.group_id FROM jobs WHERE jobs.id = {table}.job_id)")  # noqa: S608
    op.execute("UPDATE datasets SET disk = bytes")
    sets = "SELECT COALESCE(SUM(formatted_sets.bytes), 0) FROM formatted_sets WHERE formatted_sets.batch_id = batches.id"
    op.execute(f"UPDATE batches SET disk = ({sets})")  # noqa: S608


def downgrade() -> None:
    op.drop_table("folder_uses")
    op.drop_table("preferences")
    for table in _MEASURED:
        with op.batch_alter_table(table) as batch:
            batch.drop_column("disk")
    for table in _CHARGED:
        with op.batch_alter_table(table) as batch:
            batch.drop_index(f"ix_{table}_group_id")
            batch.drop_column("group_id")
