"""A reading is kept under what the reader was shown; of a slice that was read alone that is its content hash."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("ALTER TABLE readings RENAME COLUMN content_hash TO pixels_hash")


def downgrade() -> None:
    op.execute("ALTER TABLE readings RENAME COLUMN pixels_hash TO content_hash")
