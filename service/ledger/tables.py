"""The tables; the invariants that must never break stand here as keys and checks. Times: epoch seconds UTC."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.types import JSON

from service.domain.delivery import DeliveryState, RequestState
from service.domain.job import JobState
from service.domain.notice import NoticeState
from service.domain.series import SeriesState
from service.domain.verdict import StudyState

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)
#: SQLite counts rows in INTEGER only
Serial = BigInteger().with_variant(Integer, "sqlite")
Uid = String(64)
Hash = String(64)


#: as listing.SETTLED; a generated column takes no parameters
SETTLED = "state IN ('done', 'not_analysed')"


def _one_of(column: str, values: type) -> CheckConstraint:
    listed = ", ".join(f"'{one.value}'" for one in values)  # type: ignore[attr-defined]
    return CheckConstraint(f"{column} IN ({listed})", name=column)


studies = Table(
    "studies",
    metadata,
    Column("study_uid", Uid, primary_key=True),
    Column("patient", JSON, nullable=False),
    Column("header", JSON, nullable=False),
    Column("accession_number", String(64), nullable=False, default="", index=True),
    Column("patient_id", String(128), nullable=False, default=""),
    Column("sender", String(16), nullable=False, default=""),
    Column("state", String(16), nullable=False),
    Column("priority", String(8), nullable=False),
    # 0 HIGH .. 2 LOW: what the worklist sorts by
    Column("urgency", Integer, nullable=False),
    Column("verdict", String(16)),
    Column("probability", Float),
    Column("why", Text, nullable=False, default=""),
    Column("received_at", Float, nullable=False),
    Column("last_arrival_at", Float, nullable=False),
    Column("concluded_at", Float),
    Column("notified_at", Float),
    # counts every change that a conclusion depends on; a finish on an older one is stale
    Column("version", Integer, nullable=False, default=0),
    # the answer last published to the destinations, and the result set it went out in
    Column("published_answer", String(64)),
    Column("published_set", Integer),
    # where it stands on the list: the unsettled first and oldest first, then the settled, newest first
    Column("settled", Integer, Computed(f"CASE WHEN {SETTLED} THEN 1 ELSE 0 END")),
    Column("moment", Float, Computed(f"CASE WHEN {SETTLED} THEN -received_at ELSE received_at END")),
    _one_of("state", StudyState),
    Index("ix_studies_order", "urgency", "settled", "moment", "study_uid"),
    Index("ix_studies_patient_id", "patient_id"),
)

series = Table(
    "series",
    metadata,
    Column("series_uid", Uid, primary_key=True),
    Column("study_uid", Uid, ForeignKey("studies.study_uid"), nullable=False, index=True),
    Column("modality", String(16), nullable=False),
    Column("description", String(256), nullable=False, default=""),
    Column("state", String(16), nullable=False),
    Column("evidence", JSON),
    # the largest count any header announced, and what a query peer said
    Column("announced", Integer),
    Column("queried", Integer),
    Column("queried_at", Float),
    Column("received", Integer, nullable=False, default=0),
    # counts arrivals and completions; a job works on one version
    Column("version", Integer, nullable=False, default=0),
    Column("first_arrival_at", Float, nullable=False),
    Column("last_arrival_at", Float, nullable=False),
    Column("completed_at", Float),
    # SeriesConclusion as JSON once concluded
    Column("conclusion", JSON),
    _one_of("state", SeriesState),
    Index("ix_series_state", "state"),
)

associations = Table(
    "associations",
    metadata,
    Column("association", String(36), primary_key=True),
    Column("calling_ae", String(16), nullable=False),
    Column("called_ae", String(16), nullable=False),
    Column("address", String(64), nullable=False),
    Column("opened_at", Float, nullable=False),
    Column("closed_at", Float),
    Column("end", String(16), nullable=False),
    Index("ix_associations_end", "end"),
)

instances = Table(
    "instances",
    metadata,
    Column("sop_uid", Uid, primary_key=True),
    Column("series_uid", Uid, ForeignKey("series.series_uid"), nullable=False, index=True),
    Column("content_hash", Hash, nullable=False),
    Column("transfer_syntax", Uid, nullable=False),
    Column("size", Integer, nullable=False),
    Column("association", String(36), nullable=False, index=True),
    Column("received_at", Float, nullable=False),
    Column("header", JSON, nullable=False),
)

# other bytes under a known UID: kept aside, never read, never overwriting
conflicts = Table(
    "conflicts",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("sop_uid", Uid, nullable=False, index=True),
    Column("content_hash", Hash, nullable=False),
    Column("transfer_syntax", Uid, nullable=False),
    Column("association", String(36), nullable=False),
    Column("received_at", Float, nullable=False),
    UniqueConstraint("sop_uid", "content_hash"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("series_uid", Uid, ForeignKey("series.series_uid"), nullable=False, unique=True),
    Column("study_uid", Uid, ForeignKey("studies.study_uid"), nullable=False, index=True),
    Column("state", String(16), nullable=False),
    # 0 series is complete, 1 still arriving: whole cases are claimed first
    Column("rank", Integer, nullable=False),
    Column("offered_at", Float, nullable=False),
    Column("due_at", Float, nullable=False),
    Column("attempt", Integer, nullable=False, default=0),
    Column("lease", String(36)),
    Column("worker", String(64)),
    Column("lease_until", Float),
    Column("claimed_version", Integer),
    Column("error", Text, nullable=False, default=""),
    _one_of("state", JobState),
    Index("ix_jobs_claim", "state", "rank", "offered_at"),
)

readings = Table(
    "readings",
    metadata,
    Column("sop_uid", Uid, primary_key=True),
    Column("frame", Integer, primary_key=True),
    # what the reader was shown: the content hash, or a hash over neighbours and repair too
    Column("pixels_hash", Hash, primary_key=True),
    Column("pack_hash", Hash, primary_key=True),
    Column("series_uid", Uid, nullable=False, index=True),
    Column("facts", JSON, nullable=False),
    Column("features", LargeBinary, nullable=False),
    Column("activation", LargeBinary, nullable=False),
    Column("read_at", Float, nullable=False),
)

result_sets = Table(
    "result_sets",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("study_uid", Uid, ForeignKey("studies.study_uid"), nullable=False, index=True),
    Column("fingerprint", Hash, nullable=False),
    Column("answer", String(64), nullable=False),
    Column("verdict", JSON, nullable=False),
    Column("predecessor", Integer, ForeignKey("result_sets.id")),
    Column("made_at", Float, nullable=False),
    UniqueConstraint("study_uid", "fingerprint"),
    Index("ix_result_sets_fingerprint", "fingerprint"),
)

result_objects = Table(
    "result_objects",
    metadata,
    Column("sop_uid", Uid, primary_key=True),
    Column("result_set", Integer, ForeignKey("result_sets.id"), nullable=False, index=True),
    Column("sop_class", Uid, nullable=False),
    Column("series_uid", Uid, nullable=False),
    Column("kind", String(8), nullable=False),
    # of a report only
    Column("dialect", String(8)),
    Column("content_hash", Hash, nullable=False),
    Column("number", Integer, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("sop_uid", Uid, ForeignKey("result_objects.sop_uid"), nullable=False),
    Column("study_uid", Uid, ForeignKey("studies.study_uid"), nullable=False, index=True),
    Column("destination", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    # 0 positive study, 1 any other: positives leave first
    Column("rank", Integer, nullable=False),
    Column("queued_at", Float, nullable=False),
    Column("due_at", Float, nullable=False),
    Column("attempt", Integer, nullable=False, default=0),
    Column("lease", String(36)),
    Column("lease_until", Float),
    Column("sent_at", Float),
    Column("committed_at", Float),
    Column("transaction_uid", Uid, index=True),
    Column("commit_due_at", Float),
    # the destination knows no way to prove that it keeps things
    Column("unprovable", Boolean, nullable=False, default=False, server_default=false()),
    Column("error", Text, nullable=False, default=""),
    UniqueConstraint("sop_uid", "destination"),
    _one_of("state", DeliveryState),
    Index("ix_deliveries_due", "state", "rank", "due_at"),
)

# who asked us whether we keep what they sent (PS3.4 J), and whether they were told
commitment_requests = Table(
    "commitment_requests",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("transaction_uid", Uid, nullable=False, index=True),
    Column("calling_ae", String(16), nullable=False),
    Column("address", String(64), nullable=False),
    # [[SOP class, SOP instance], ...] as asked
    Column("instances", JSON, nullable=False),
    # its transaction UID was in use already
    Column("duplicate", Boolean, nullable=False),
    Column("received_at", Float, nullable=False),
    Column("state", String(16), nullable=False),
    Column("due_at", Float, nullable=False),
    Column("attempt", Integer, nullable=False, default=0),
    Column("error", Text, nullable=False, default=""),
    _one_of("state", RequestState),
    Index("ix_commitment_requests_due", "state", "due_at"),
)

# what people and other systems are told about an answer, one row per target; numbered from 1 for each study and target
notices = Table(
    "notices",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("study_uid", Uid, ForeignKey("studies.study_uid"), nullable=False),
    Column("target", String(64), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("number", Integer, nullable=False),
    # what a receiver can tell a second try by
    Column("key", Hash, nullable=False),
    Column("news", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    # 0 positive study, 1 any other: positives leave first
    Column("rank", Integer, nullable=False),
    Column("queued_at", Float, nullable=False),
    Column("due_at", Float, nullable=False),
    Column("attempt", Integer, nullable=False, default=0),
    Column("lease", String(36)),
    Column("lease_until", Float),
    Column("sent_at", Float),
    Column("error", Text, nullable=False, default=""),
    UniqueConstraint("study_uid", "target", "number"),
    _one_of("state", NoticeState),
    Index("ix_notices_due", "target", "state", "rank", "due_at"),
)

# the timeline of a study; never holds names
events = Table(
    "events",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("study_uid", Uid, nullable=False, index=True),
    Column("series_uid", Uid),
    Column("at", Float, nullable=False),
    Column("step", String(32), nullable=False),
    Column("text", Text, nullable=False),
)

# who did what by hand
audit = Table(
    "audit",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("at", Float, nullable=False),
    Column("who", String(128), nullable=False),
    Column("act", String(32), nullable=False),
    Column("subject", String(128), nullable=False),
    Column("text", Text, nullable=False, default=""),
)

users = Table(
    "users",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("password", String(256), nullable=False),
    Column("created_at", Float, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("token_hash", Hash, primary_key=True),
    Column("role", String(16), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("revoked", Boolean, nullable=False, default=False),
)

# who is logged in; the cookie itself is never kept, only its sha256
sessions = Table(
    "sessions",
    metadata,
    Column("session_hash", Hash, primary_key=True),
    Column("user", String(64), nullable=False),
    Column("role", String(16), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
)

# signs of life: one row per role and process
pulses = Table(
    "pulses",
    metadata,
    Column("role", String(16), primary_key=True),
    Column("process", String(64), primary_key=True),
    Column("started_at", Float, nullable=False),
    Column("seen_at", Float, nullable=False),
    Column("note", JSON, nullable=False),
)
