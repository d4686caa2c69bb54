"""searches for hyper-parameters, their trials, and parameter sets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trainyard_service.database import base

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "searches",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("owner_id", serial, nullable=False),
        sa.Column("group_id", serial, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("asked", sa.JSON(), nullable=False),
        sa.Column("why", sa.JSON(), nullable=True),
        sa.Column("counted_from", sa.Integer(), nullable=False),
        sa.Column("created", base.UtcTime(timezone=True), nullable=False),
        sa.Column("until", base.UtcTime(timezone=True), nullable=True),
        sa.Column("ended", base.UtcTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_searches_group_id_groups")),
        sa.ForeignKeyConstraint(["owner_id"], ["accounts.id"], name=op.f("fk_searches_owner_id_accounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_searches")),
    )
    for column in ("group_id", "name", "owner_id", "state"):
        op.create_index(op.f(f"ix_searches_{column}"), "searches", [column], unique=False)
    op.create_table(
        "search_trials",
        sa.Column("search_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("training_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("memory", sa.JSON(), nullable=False),
        sa.Column("rungs", sa.JSON(), nullable=False),
        sa.Column("reports", sa.Integer(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("pruned", sa.Boolean(), nullable=False),
        sa.Column("why", sa.JSON(), nullable=True),
        sa.Column("created", base.UtcTime(timezone=True), nullable=False),
        sa.Column("ended", base.UtcTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["search_id"], ["searches.id"], name=op.f("fk_search_trials_search_id_searches"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("search_id", "number", name=op.f("pk_search_trials")),
    )
    for column in ("state", "training_id"):
        op.create_index(op.f(f"ix_search_trials_{column}"), "search_trials", [column], unique=False)
    op.create_table(
        "parameter_sets",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("visibility", sa.String(), nullable=False),
        sa.Column("owner_id", serial, nullable=False),
        sa.Column("group_id", serial, nullable=True),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("created", base.UtcTime(timezone=True), nullable=False),
        sa.Column("changed", base.UtcTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_parameter_sets_group_id_groups")),
        sa.ForeignKeyConstraint(["owner_id"], ["accounts.id"], name=op.f("fk_parameter_sets_owner_id_accounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parameter_sets")),
    )
    for column in ("group_id", "name", "owner_id"):
        op.create_index(op.f(f"ix_parameter_sets_{column}"), "parameter_sets", [column], unique=False)
