"""The list's order gets an index; requests for Storage Commitment are kept; an archive may know no proof."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

SETTLED = "state IN ('done', 'not_analysed')"


def upgrade() -> None:
    # PostgreSQL indexes stored columns only, SQLite adds virtual ones only
    stored = op.get_bind().dialect.name == "postgresql"
    settled = sa.Computed(f"CASE WHEN {SETTLED} THEN 1 ELSE 0 END", persisted=stored)
    moment = sa.Computed(f"CASE WHEN {SETTLED} THEN -received_at ELSE received_at END", persisted=stored)
    op.add_column("studies", sa.Column("settled", sa.Integer, settled))
    op.add_column("studies", sa.Column("moment", sa.Float, moment))
    op.drop_index("ix_studies_order", "studies")
    op.create_index("ix_studies_order", "studies", ["urgency", "settled", "moment", "study_uid"])
    op.create_index("ix_studies_patient_id", "studies", ["patient_id"])
    op.create_index("ix_result_sets_fingerprint", "result_sets", ["fingerprint"])
    op.add_column("deliveries", sa.Column("unprovable", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_table(
        "commitment_requests",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("transaction_uid", sa.String(64), nullable=False),
        sa.Column("calling_ae", sa.String(16), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("instances", sa.JSON, nullable=False),
        sa.Column("duplicate", sa.Boolean, nullable=False),
        sa.Column("received_at", sa.Float, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("due_at", sa.Float, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.CheckConstraint("state IN ('open', 'reported', 'given_up')", name="state"),
    )
    op.create_index("ix_commitment_requests_transaction_uid", "commitment_requests", ["transaction_uid"])
    op.create_index("ix_commitment_requests_due", "commitment_requests", ["state", "due_at"])


def downgrade() -> None:
    op.drop_table("commitment_requests")
    op.drop_index("ix_result_sets_fingerprint", "result_sets")
    op.drop_index("ix_studies_patient_id", "studies")
    op.drop_index("ix_studies_order", "studies")
    op.create_index("ix_studies_order", "studies", ["urgency", "received_at"])
    op.drop_column("deliveries", "unprovable")
    op.drop_column("studies", "moment")
    op.drop_column("studies", "settled")
