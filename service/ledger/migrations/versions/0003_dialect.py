"""A report has a dialect; those made before this revision are after TID 1500."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("result_objects", sa.Column("dialect", sa.String(8)))
    op.execute("UPDATE result_objects SET dialect = 'tid1500' WHERE kind = 'sr'")


def downgrade() -> None:
    op.drop_column("result_objects", "dialect")
