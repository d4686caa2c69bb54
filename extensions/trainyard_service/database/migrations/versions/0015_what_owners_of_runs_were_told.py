"""what the owner of a run has had a notice about: once for each cause."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("attempts", sa.Column("told", sa.JSON(none_as_null=True)))
