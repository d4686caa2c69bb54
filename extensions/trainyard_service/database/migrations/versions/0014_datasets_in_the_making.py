"""an index of the datasets that are being made."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    creating = sa.text("state = 'creating'")
    op.create_index("ix_datasets_creating", "datasets", ["id"], sqlite_where=creating, postgresql_where=creating)
