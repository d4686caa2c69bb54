"""copies in buckets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trainyard_service.database import base

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bucket_copies",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("due", base.UtcTime(timezone=True), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(), nullable=False),
        sa.Column("upload", sa.String(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("changed", base.UtcTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["accounts.id"], name=op.f("fk_bucket_copies_owner_id_accounts"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("kind", "subject_id", name=op.f("pk_bucket_copies")),
    )
    op.create_index("ix_bucket_copies_state_due", "bucket_copies", ["state", "due"], unique=False)
    op.create_index(op.f("ix_bucket_copies_owner_id"), "bucket_copies", ["owner_id"], unique=False)
