"""graph templates."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trainyard_service.database import base

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "graph_templates",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("visibility", sa.String(), nullable=False),
        sa.Column("owner_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("group_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("graph", sa.JSON(), nullable=False),
        sa.Column("created", base.UtcTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_graph_templates_group_id_groups")),
        sa.ForeignKeyConstraint(["owner_id"], ["accounts.id"], name=op.f("fk_graph_templates_owner_id_accounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_graph_templates")),
    )
    op.create_index(op.f("ix_graph_templates_group_id"), "graph_templates", ["group_id"], unique=False)
    op.create_index(op.f("ix_graph_templates_name"), "graph_templates", ["name"], unique=False)
    op.create_index(op.f("ix_graph_templates_owner_id"), "graph_templates", ["owner_id"], unique=False)
