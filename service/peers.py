"""Who is at the other end of the wire: the settings' tables for senders, queriers, archives asked and served."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from service.domain.delivery import Dialect, Form, ObjectKind
from service.section import LOOPBACK, Section


class QueryPeer(Section):
    """A PACS that may be asked by C-FIND how many instances a series has."""

    ae_title: str = Field(min_length=1, max_length=16)
    """AE title of the query service."""
    host: str
    """Its address."""
    port: int = Field(ge=1, le=65535)
    """Its port."""


class Sender(Section):
    """Who may send."""

    ae_title: str = Field(min_length=1, max_length=16)
    """Calling AE title."""
    host: str = ""
    """Its address; empty admits any."""
    port: int | None = Field(None, ge=1, le=65535)
    """Its own port, where Storage Commitment reports are brought; empty brings them over the association that asked."""


class Querier(Section):
    """Who may query by C-FIND; without any, nobody, or anyone on a loopback node that names no [[senders]] either."""

    ae_title: str = Field(min_length=1, max_length=16)
    """Calling AE title."""
    host: str = ""
    """Its address; empty admits any."""


class Destination(Section):
    """Where results go: an AE title, host and port for C-STORE, or a url for STOW-RS."""

    name: str = Field(min_length=1)
    """Short name, used in logs, metrics and the page."""
    ae_title: str = Field("", max_length=16)
    """AE title of the storage service."""
    host: str = ""
    """Its address."""
    port: int = Field(0, ge=0, le=65535)
    """Its port."""
    url: str = ""
    """Instead of these three: the root of a DICOMweb service, as in https://pacs/dicom-web."""
    user: str = ""
    """Who logs in at the url (Basic); the secret is the password. Without a user the secret is a bearer token."""
    secret: str = ""
    """Where the secret is read when it is needed: file:/run/secrets/pacs or env:PACS_TOKEN; never the secret itself."""
    ca_file: Path | None = None
    """Certificates that vouch for the url's server; empty takes the usual authorities. It is always verified."""
    objects: tuple[ObjectKind, ...] = (ObjectKind.SC, ObjectKind.SR)
    """Which result objects it gets: sc pictures, sr a report, ko the flagged slices as key objects, gsps a presentation
    state for them; the last two for positive studies only. docs/result-objects.md says which PACS needs which."""
    dialect: Dialect = Dialect.TID1500
    """How its report is written: tid1500 (Comprehensive 3D SR with measurements), enhanced (Enhanced SR, flat, coded),
    basic (Basic Text SR, plain sentences)."""
    commit: bool = True
    """Ask for Storage Commitment after sending; at a url, look whether the objects are there."""

    @model_validator(mode="after")
    def _one_way(self) -> Destination:
        called = bool(self.ae_title and self.host and self.port)
        if self.url and (self.ae_title or self.host or self.port):
            raise ValueError(f"destination {self.name!r} has a url and an AE title, host or port: keep one way")
        if not self.url and not called:
            raise ValueError(f"destination {self.name!r} needs ae_title, host and port, or a url")
        if not self.url and (self.user or self.secret or self.ca_file):
            raise ValueError(f"destination {self.name!r} has no url: user, secret and ca_file belong to one")
        return self

    @model_validator(mode="after")
    def _sound_url(self) -> Destination:
        if not self.url:
            return self
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
            raise ValueError(f"url of destination {self.name!r} must be https://HOST/PATH, without name or password")
        if self.secret and not self.secret.startswith(("file:", "env:")):
            raise ValueError(f"secret of destination {self.name!r} must be file:PATH or env:NAME")
        if self.user and not self.secret:
            raise ValueError(f"destination {self.name!r} has a user but no secret: file:PATH or env:NAME")
        if self.secret and parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise ValueError(f"the secret of destination {self.name!r} would travel in the clear: use https")
        return self

    @property
    def forms(self) -> tuple[Form, ...]:
        """Return its objects, the report in its dialect."""
        return tuple(Form(kind, self.dialect if kind is ObjectKind.SR else None) for kind in self.objects)
