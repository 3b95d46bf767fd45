"""The tables of the first corridor, written out so that later tables cannot change this step."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "associations",
        sa.Column("association", sa.String(length=36), nullable=False),
        sa.Column("calling_ae", sa.String(length=16), nullable=False),
        sa.Column("called_ae", sa.String(length=16), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("opened_at", sa.Float(), nullable=False),
        sa.Column("closed_at", sa.Float(), nullable=True),
        sa.Column("end", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("association", name=op.f("pk_associations")),
    )
    op.create_index("ix_associations_end", "associations", ["end"], unique=False)
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("who", sa.String(length=128), nullable=False),
        sa.Column("act", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=128), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_table(
        "conflicts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sop_uid", sa.String(length=64), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("transfer_syntax", sa.String(length=64), nullable=False),
        sa.Column("association", sa.String(length=36), nullable=False),
        sa.Column("received_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conflicts")),
        sa.UniqueConstraint("sop_uid", "content_hash", name=op.f("uq_conflicts_sop_uid_content_hash")),
    )
    op.create_index(op.f("ix_conflicts_sop_uid"), "conflicts", ["sop_uid"], unique=False)
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("study_uid", sa.String(length=64), nullable=False),
        sa.Column("series_uid", sa.String(length=64), nullable=True),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("step", sa.String(length=32), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_index(op.f("ix_events_study_uid"), "events", ["study_uid"], unique=False)
    op.create_table(
        "pulses",
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("process", sa.String(length=64), nullable=False),
        sa.Column("started_at", sa.Float(), nullable=False),
        sa.Column("seen_at", sa.Float(), nullable=False),
        sa.Column("note", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("role", "process", name=op.f("pk_pulses")),
    )
    op.create_table(
        "readings",
        sa.Column("sop_uid", sa.String(length=64), nullable=False),
        sa.Column("frame", sa.Integer(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("pack_hash", sa.String(length=64), nullable=False),
        sa.Column("series_uid", sa.String(length=64), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("features", sa.LargeBinary(), nullable=False),
        sa.Column("activation", sa.LargeBinary(), nullable=False),
        sa.Column("read_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("sop_uid", "frame", "content_hash", "pack_hash", name=op.f("pk_readings")),
    )
    op.create_index(op.f("ix_readings_series_uid"), "readings", ["series_uid"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("session_hash", sa.String(length=64), nullable=False),
        sa.Column("user", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("session_hash", name=op.f("pk_sessions")),
    )
    op.create_table(
        "studies",
        sa.Column("study_uid", sa.String(length=64), nullable=False),
        sa.Column("patient", sa.JSON(), nullable=False),
        sa.Column("header", sa.JSON(), nullable=False),
        sa.Column("accession_number", sa.String(length=64), nullable=False),
        sa.Column("patient_id", sa.String(length=128), nullable=False),
        sa.Column("sender", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("priority", sa.String(length=8), nullable=False),
        sa.Column("urgency", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=True),
        sa.Column("probability", sa.Float(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("received_at", sa.Float(), nullable=False),
        sa.Column("last_arrival_at", sa.Float(), nullable=False),
        sa.Column("concluded_at", sa.Float(), nullable=True),
        sa.Column("notified_at", sa.Float(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("published_answer", sa.String(length=64), nullable=True),
        sa.Column("published_set", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "state IN ('receiving', 'waiting', 'reading', 'delivering', 'done', 'not_analysed', 'failed')",
            name=op.f("ck_studies_state"),
        ),
        sa.PrimaryKeyConstraint("study_uid", name=op.f("pk_studies")),
    )
    op.create_index(op.f("ix_studies_accession_number"), "studies", ["accession_number"], unique=False)
    op.create_index("ix_studies_order", "studies", ["urgency", "received_at"], unique=False)
    op.create_table(
        "tokens",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("revoked", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_tokens")),
    )
    op.create_table(
        "users",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("password", sa.String(length=256), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_users")),
    )
    op.create_table(
        "result_sets",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("study_uid", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("answer", sa.String(length=64), nullable=False),
        sa.Column("verdict", sa.JSON(), nullable=False),
        sa.Column("predecessor", sa.Integer(), nullable=True),
        sa.Column("made_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["predecessor"], ["result_sets.id"], name=op.f("fk_result_sets_predecessor")),
        sa.ForeignKeyConstraint(["study_uid"], ["studies.study_uid"], name=op.f("fk_result_sets_study_uid")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_result_sets")),
        sa.UniqueConstraint("study_uid", "fingerprint", name=op.f("uq_result_sets_study_uid_fingerprint")),
    )
    op.create_index(op.f("ix_result_sets_study_uid"), "result_sets", ["study_uid"], unique=False)
    op.create_table(
        "series",
        sa.Column("series_uid", sa.String(length=64), nullable=False),
        sa.Column("study_uid", sa.String(length=64), nullable=False),
        sa.Column("modality", sa.String(length=16), nullable=False),
        sa.Column("description", sa.String(length=256), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=True),
        sa.Column("announced", sa.Integer(), nullable=True),
        sa.Column("queried", sa.Integer(), nullable=True),
        sa.Column("queried_at", sa.Float(), nullable=True),
        sa.Column("received", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("first_arrival_at", sa.Float(), nullable=False),
        sa.Column("last_arrival_at", sa.Float(), nullable=False),
        sa.Column("completed_at", sa.Float(), nullable=True),
        sa.Column("conclusion", sa.JSON(), nullable=True),
        sa.CheckConstraint("state IN ('open', 'complete')", name=op.f("ck_series_state")),
        sa.ForeignKeyConstraint(["study_uid"], ["studies.study_uid"], name=op.f("fk_series_study_uid")),
        sa.PrimaryKeyConstraint("series_uid", name=op.f("pk_series")),
    )
    op.create_index("ix_series_state", "series", ["state"], unique=False)
    op.create_index(op.f("ix_series_study_uid"), "series", ["study_uid"], unique=False)
    op.create_table(
        "instances",
        sa.Column("sop_uid", sa.String(length=64), nullable=False),
        sa.Column("series_uid", sa.String(length=64), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("transfer_syntax", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("association", sa.String(length=36), nullable=False),
        sa.Column("received_at", sa.Float(), nullable=False),
        sa.Column("header", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["series_uid"], ["series.series_uid"], name=op.f("fk_instances_series_uid")),
        sa.PrimaryKeyConstraint("sop_uid", name=op.f("pk_instances")),
    )
    op.create_index(op.f("ix_instances_association"), "instances", ["association"], unique=False)
    op.create_index(op.f("ix_instances_series_uid"), "instances", ["series_uid"], unique=False)
    op.create_table(
        "jobs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("series_uid", sa.String(length=64), nullable=False),
        sa.Column("study_uid", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("offered_at", sa.Float(), nullable=False),
        sa.Column("due_at", sa.Float(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("lease", sa.String(length=36), nullable=True),
        sa.Column("worker", sa.String(length=64), nullable=True),
        sa.Column("lease_until", sa.Float(), nullable=True),
        sa.Column("claimed_version", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('offered', 'running', 'waiting', 'retryable', 'done', 'given_up')", name=op.f("ck_jobs_state")
        ),
        sa.ForeignKeyConstraint(["series_uid"], ["series.series_uid"], name=op.f("fk_jobs_series_uid")),
        sa.ForeignKeyConstraint(["study_uid"], ["studies.study_uid"], name=op.f("fk_jobs_study_uid")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sa.UniqueConstraint("series_uid", name=op.f("uq_jobs_series_uid")),
    )
    op.create_index("ix_jobs_claim", "jobs", ["state", "rank", "offered_at"], unique=False)
    op.create_index(op.f("ix_jobs_study_uid"), "jobs", ["study_uid"], unique=False)
    op.create_table(
        "result_objects",
        sa.Column("sop_uid", sa.String(length=64), nullable=False),
        sa.Column("result_set", sa.Integer(), nullable=False),
        sa.Column("sop_class", sa.String(length=64), nullable=False),
        sa.Column("series_uid", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["result_set"], ["result_sets.id"], name=op.f("fk_result_objects_result_set")),
        sa.PrimaryKeyConstraint("sop_uid", name=op.f("pk_result_objects")),
    )
    op.create_index(op.f("ix_result_objects_result_set"), "result_objects", ["result_set"], unique=False)
    op.create_table(
        "deliveries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sop_uid", sa.String(length=64), nullable=False),
        sa.Column("study_uid", sa.String(length=64), nullable=False),
        sa.Column("destination", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("queued_at", sa.Float(), nullable=False),
        sa.Column("due_at", sa.Float(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("lease", sa.String(length=36), nullable=True),
        sa.Column("lease_until", sa.Float(), nullable=True),
        sa.Column("sent_at", sa.Float(), nullable=True),
        sa.Column("committed_at", sa.Float(), nullable=True),
        sa.Column("transaction_uid", sa.String(length=64), nullable=True),
        sa.Column("commit_due_at", sa.Float(), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('queued', 'sent', 'committed', 'retrying', 'dead')", name=op.f("ck_deliveries_state")
        ),
        sa.ForeignKeyConstraint(["sop_uid"], ["result_objects.sop_uid"], name=op.f("fk_deliveries_sop_uid")),
        sa.ForeignKeyConstraint(["study_uid"], ["studies.study_uid"], name=op.f("fk_deliveries_study_uid")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("sop_uid", "destination", name=op.f("uq_deliveries_sop_uid_destination")),
    )
    op.create_index("ix_deliveries_due", "deliveries", ["state", "rank", "due_at"], unique=False)
    op.create_index(op.f("ix_deliveries_study_uid"), "deliveries", ["study_uid"], unique=False)
    op.create_index(op.f("ix_deliveries_transaction_uid"), "deliveries", ["transaction_uid"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_deliveries_transaction_uid"), table_name="deliveries")
    op.drop_index(op.f("ix_deliveries_study_uid"), table_name="deliveries")
    op.drop_index("ix_deliveries_due", table_name="deliveries")
    op.drop_table("deliveries")
    op.drop_index(op.f("ix_result_objects_result_set"), table_name="result_objects")
    op.drop_table("result_objects")
    op.drop_index(op.f("ix_jobs_study_uid"), table_name="jobs")
    op.drop_index("ix_jobs_claim", table_name="jobs")
    op.drop_table("jobs")
    op.drop_index(op.f("ix_instances_series_uid"), table_name="instances")
    op.drop_index(op.f("ix_instances_association"), table_name="instances")
    op.drop_table("instances")
    op.drop_index(op.f("ix_series_study_uid"), table_name="series")
    op.drop_index("ix_series_state", table_name="series")
    op.drop_table("series")
    op.drop_index(op.f("ix_result_sets_study_uid"), table_name="result_sets")
    op.drop_table("result_sets")
    op.drop_table("users")
    op.drop_table("tokens")
    op.drop_index("ix_studies_order", table_name="studies")
    op.drop_index(op.f("ix_studies_accession_number"), table_name="studies")
    op.drop_table("studies")
    op.drop_table("sessions")
    op.drop_index(op.f("ix_readings_series_uid"), table_name="readings")
    op.drop_table("readings")
    op.drop_table("pulses")
    op.drop_index(op.f("ix_events_study_uid"), table_name="events")
    op.drop_table("events")
    op.drop_index(op.f("ix_conflicts_sop_uid"), table_name="conflicts")
    op.drop_table("conflicts")
    op.drop_table("audit")
    op.drop_index("ix_associations_end", table_name="associations")
    op.drop_table("associations")
