"""restart policies, time limits and idleness."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trainyard_service.database import base

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("restart", sa.JSON(), nullable=True))
    op.add_column("jobs", sa.Column("retries", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("jobs", sa.Column("not_before", base.UtcTime(timezone=True), nullable=True))
    op.add_column("jobs", sa.Column("deadline", base.UtcTime(timezone=True), nullable=True))
    op.add_column("jobs", sa.Column("warned", sa.Double(), nullable=True))
    op.add_column("workspaces", sa.Column("active", base.UtcTime(timezone=True), nullable=True))
    op.add_column("workspaces", sa.Column("idle_warned", sa.Boolean(), nullable=False, server_default=sa.false()))
