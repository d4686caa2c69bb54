"""shards of batches."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "batch_shards",
        sa.Column("batch_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("job_id", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.id"], name=op.f("fk_batch_shards_batch_id_batches"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_batch_shards_job_id_jobs"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("batch_id", "number", name=op.f("pk_batch_shards")),
    )
    op.create_index(op.f("ix_batch_shards_job_id"), "batch_shards", ["job_id"], unique=False)
    op.add_column("batches", sa.Column("videos", sa.BigInteger(), server_default="0", nullable=False))
