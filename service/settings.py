"""The site's settings: read once from ichor.toml and ICHOR__SECTION__KEY, frozen, handed down in slices."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from service.errors import BadSettings
from service.peers import Destination, Querier, QueryPeer, Sender
from service.section import LOOPBACK, Section
from service.targets import Hl7Target, MailTarget, NoticeTarget, NotifySettings, UpsTarget, WebhookTarget

DEFAULT_FILE = "ichor.toml"
ENVIRONMENT_PREFIX = "ICHOR__"


class NodeSettings(Section):
    """The DICOM door and where everything is kept."""

    ae_title: str = Field("ICHOR", min_length=1, max_length=16)
    """The node's AE title."""
    host: str = "127.0.0.1"
    """Address the DICOM door listens on; 0.0.0.0 serves a hospital and then [[senders]] may not be empty."""
    port: int = Field(11112, ge=0, le=65535)
    """Port of the DICOM door."""
    data_dir: Path = Path("ichor-data")
    """Folder for everything received and made; the only one the node writes to."""
    max_associations: int = Field(100, ge=1)
    """Associations served at a time; one more is refused as a transient condition."""
    idle_seconds: float = Field(60, gt=0)
    """An association that says nothing for this long is aborted."""
    max_pdu: int = Field(131072, ge=4096)
    """Largest PDU the node announces, in bytes."""


class DatabaseSettings(Section):
    """Where the ledger is."""

    url: str = ""
    """Empty: SQLite in data_dir. postgresql+psycopg://... to scale out."""


class WebSettings(Section):
    """The page and the API."""

    host: str = "127.0.0.1"
    """Address the page listens on."""
    port: int = Field(8080, ge=0, le=65535)
    """Port of the page."""
    session_hours: float = Field(12, gt=0)
    """How long a login lasts."""
    picture_cache_mb: float = Field(256, ge=0)
    """Memory for slices drawn for the study page; 0 draws each slice anew."""
    public_url: str = Field("", pattern=r"^(https?://[^\s/]+(/[^\s]*)?)?$")
    """Address of the page as people's browsers reach it, for links in notices; empty leaves the link out."""


class ModelSettings(Section):
    """What reads the scans."""

    pack: str = "default"
    """A bundled pack's name, or the folder of one."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the pack runs; without a usable GPU the node says so and reads on the CPU."""
    threads: int = Field(0, ge=0)
    """CPU threads of the reader; 0 takes one per core."""
    repair_wrap: bool = False
    """Undo the 12-bit wrap of the RSNA 2019 files (12 bits, unsigned, intercept above -100); an honest scanner may
    write such headers too, so switch it on for files known to be damaged."""


class CompletionSettings(Section):
    """When a series counts as complete."""

    quiet_seconds: float = Field(10, gt=0)
    """Last resort: complete when nothing came for this long."""
    settle_seconds: float = Field(0.5, ge=0)
    """After the sender released its association and the slices touch, wait this long for another association."""
    head_extent_mm: float = Field(100, ge=0)
    """Touching slices shorter than this from first to last do not yet count as a whole head."""


class SuitabilitySettings(Section):
    """Which series are read; each refusal is shown with its reason."""

    min_slices: int = Field(10, ge=1)
    """Fewest slices of a readable head."""
    min_thickness_mm: float = Field(0.4, gt=0)
    """Thinnest slices read."""
    max_thickness_mm: float = Field(10, gt=0)
    """Thickest slices read."""
    min_kvp: float = Field(80, gt=0)
    """Lowest tube voltage read."""
    max_kvp: float = Field(150, gt=0)
    """Highest tube voltage read."""
    max_tilt_degrees: float = Field(40, ge=0, le=90)
    """Largest angle between slice normal and body axis that still counts as axial."""


class PolicySettings(Section):
    """How slice probabilities become a verdict."""

    rule: Literal["pack", "share", "run"] = "pack"
    """pack: as the pack's card says. share: a share of the slices. run: a contiguous run in mm."""
    slice_threshold: float | None = Field(None, gt=0, lt=1)
    """A slice is positive above this; empty takes the pack's."""
    share_percent: float = Field(5, gt=0, le=100)
    """Share of positive slices that makes a series positive."""
    rounding: Literal["half_even", "ceil"] | None = None
    """Rounding of the required count: half_even as the published code does, ceil as the paper's words say; empty takes
    the pack's."""
    run_mm: float = Field(10, ge=0)
    """Length of contiguous positive slices that makes a series positive."""
    study: Literal["any", "leading"] = "any"
    """Two readable series: any positive one decides, or the leading one (most slices) alone."""


class QuerySettings(Section):
    """What C-FIND at the door answers."""

    studies: Literal["flagged", "all"] = "flagged"
    """flagged: only studies with a positive answer. all: every study the node holds. Most urgent first either way."""
    days: float = Field(7, ge=0)
    """A query that names no study, patient, accession number or study date leaves out finished studies that arrived
    longer ago; 0 leaves out nothing."""
    limit: int = Field(500, ge=1)
    """Most matches of one query; beyond it the query ends with 'out of resources', the most urgent ones answered."""
    retrieve_ae_title: str = Field("", max_length=16)
    """AE title of the archive the images are fetched from, told to workstations; empty takes the first of
    [[destinations]] that has one."""
    worklist_label: str = Field("Ichor", min_length=1, max_length=64)
    """Worklist Label of the UPS work items."""


class DeliverySettings(Section):
    """How results are sent and sent again."""

    first_pause_seconds: float = Field(5, gt=0)
    """Pause after the first failure; doubled each time, with jitter."""
    longest_pause_seconds: float = Field(900, gt=0)
    """The pause never grows beyond this."""
    give_up_after_hours: float = Field(72, gt=0)
    """A delivery older than this that fails again is dead and waits for a person."""
    commit_timeout_seconds: float = Field(60, gt=0)
    """A commitment not answered within this time is asked for again."""


class AlarmSettings(Section):
    """When silence becomes an alarm."""

    undelivered_minutes: float = Field(10, gt=0)
    """A flagged study some destination has not taken, or not proven where proof is asked, for longer is an alarm."""


class WorkSettings(Section):
    """How jobs are held and tried again."""

    lease_seconds: float = Field(30, gt=0)
    """A worker that shows no sign of life for this long loses its job to another."""
    max_attempts: int = Field(5, ge=1)
    """A job that failed this often is given up and shown as failed."""
    retry_seconds: float = Field(5, gt=0)
    """Pause before a failed job is offered again; doubled each time."""


class DiskSettings(Section):
    """When the door closes, and what is thrown away."""

    min_free_mb: float = Field(512, ge=0)
    """Below this much free space the door refuses objects with 'out of resources'."""
    retention_days: float = Field(0, ge=0)
    """Delivered studies older than this are purged, looked for once an hour; 0 keeps everything."""


class PracticeSettings(Section):
    """The archive that ``serve --practice`` starts beside the node, on loopback."""

    port: int = Field(11113, ge=1, le=65535)
    """Port of the practice archive."""
    ae_title: str = Field("PRACTICE", min_length=1, max_length=16)
    """AE title of the practice archive."""


class Settings(Section):
    """Everything, one slice per room."""

    node: NodeSettings = NodeSettings()
    database: DatabaseSettings = DatabaseSettings()
    web: WebSettings = WebSettings()
    model: ModelSettings = ModelSettings()
    completion: CompletionSettings = CompletionSettings()
    suitability: SuitabilitySettings = SuitabilitySettings()
    policy: PolicySettings = PolicySettings()
    delivery: DeliverySettings = DeliverySettings()
    notify: NotifySettings = NotifySettings()
    work: WorkSettings = WorkSettings()
    disk: DiskSettings = DiskSettings()
    practice: PracticeSettings = PracticeSettings()
    query: QuerySettings = QuerySettings()
    alarms: AlarmSettings = AlarmSettings()
    senders: tuple[Sender, ...] = ()
    queriers: tuple[Querier, ...] = ()
    query_peers: tuple[QueryPeer, ...] = ()
    destinations: tuple[Destination, ...] = ()
    hl7: tuple[Hl7Target, ...] = ()
    webhooks: tuple[WebhookTarget, ...] = ()
    mails: tuple[MailTarget, ...] = ()
    ups: tuple[UpsTarget, ...] = ()

    @model_validator(mode="after")
    def _open_door_needs_names(self) -> Settings:
        if self.node.host not in LOOPBACK and not self.senders:
            raise ValueError(
                f"node.host = {self.node.host!r} opens the door to the network, "
                "but [[senders]] is empty: say who may send"
            )
        return self

    @model_validator(mode="after")
    def _destination_names_differ(self) -> Settings:
        _differ([one.name for one in self.destinations], "two [[destinations]]")
        return self

    @model_validator(mode="after")
    def _target_names_differ(self) -> Settings:
        _differ([one.name for one in self.notice_targets], "two targets of notices")
        return self

    @property
    def notice_targets(self) -> tuple[NoticeTarget, ...]:
        """Return whoever is told about answers, whatever the kind."""
        return (*self.hl7, *self.webhooks, *self.mails, *self.ups)

    @property
    def database_url(self) -> str:
        """Return the ledger's address, SQLite in the data folder unless the site names another."""
        return self.database.url or f"sqlite:///{self.node.data_dir.resolve() / 'ledger.sqlite3'}"


def _differ(names: Sequence[str], what: str) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{what} are called {twice[0]!r}: give each its own name")


def load_settings(file: Path | None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read the file (default: ichor.toml here, if there is one) and lay the environment over it."""
    table = _read(file)
    for name, text in sorted((os.environ if environment is None else environment).items()):
        if name.startswith(ENVIRONMENT_PREFIX):
            _overlay(table, name, text)
    try:
        return Settings.model_validate(table)
    except ValidationError as problem:
        raise BadSettings("; ".join(_sentence(one) for one in problem.errors())) from None


def _read(file: Path | None) -> dict[str, Any]:
    path = file or Path(DEFAULT_FILE)
    if file is None and not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadSettings(f"no such file: {path}; name an existing one with --config") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise BadSettings(f"{path} is not valid TOML: {problem}") from None
    except OSError as problem:
        raise BadSettings(f"{path} cannot be read: {problem.strerror}") from None


def _overlay(table: dict[str, Any], name: str, text: str) -> None:
    """Set one ICHOR__SECTION__KEY; the text is TOML where it parses as such, else a plain string."""
    parts = name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")
    at = table
    for part in parts[:-1]:
        at = at.setdefault(part, {})
        if not isinstance(at, dict):
            raise BadSettings(f"{name}: {part!r} is a list; set it whole, as a TOML array of tables")
    at[parts[-1]] = _toml_value(text)


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _sentence(problem: Any) -> str:
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"unknown key {where!r}{_neighbour(problem['loc'])}"
    message = problem["msg"].removeprefix("Value error, ")
    return f"{where}: {message}" if where else message


def _neighbour(loc: tuple[int | str, ...]) -> str:
    known = list(_fields_at(loc[:-1]))
    near = difflib.get_close_matches(str(loc[-1]), known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else f"; known here: {', '.join(known)}"


def _fields_at(loc: tuple[int | str, ...]) -> Mapping[str, Any]:
    section: Any = Settings
    for part in loc:
        if isinstance(part, int):
            continue
        annotation = section.model_fields[part].annotation
        section = annotation if isinstance(annotation, type) else annotation.__args__[0]
    fields: Mapping[str, Any] = section.model_fields
    return fields
