"""what ended starts held, and from when on that is kept: nothing true is known of those that had ended before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trainyard_service.database import base

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

PREFERENCES = sa.table(
    "preferences", sa.column("key", sa.String()), sa.column("value", sa.JSON()), sa.column("at", base.UtcTime(timezone=True))
)


def upgrade() -> None:
    op.create_table(
        "bookings",
        sa.Column("id", base.Serial, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("owner_id", base.Serial, nullable=False),
        sa.Column("group_id", base.Serial, nullable=True),
        sa.Column("cpu", sa.Double(), nullable=False),
        sa.Column("gpu", sa.Integer(), nullable=False),
        sa.Column("devices", sa.JSON(), nullable=False),
        sa.Column("since", base.UtcTime(timezone=True), nullable=False),
        sa.Column("until", base.UtcTime(timezone=True), nullable=False),
        sa.Column("meter", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_bookings_group_id_groups")),
        sa.ForeignKeyConstraint(["owner_id"], ["accounts.id"], name=op.f("fk_bookings_owner_id_accounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bookings")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_bookings_until"), "bookings", ["until"])
    unread = sa.text("meter IS NULL")
    op.create_index("ix_bookings_unread", "bookings", ["id"], sqlite_where=unread, postgresql_where=unread)
    op.execute(PREFERENCES.insert().values(key="bookings", value={}, at=base.now()))
