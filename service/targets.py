"""Whom to tell about an answer, and how: the settings' tables for HL7, webhooks, e-mail and UPS."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator

from service.section import LOOPBACK, Section

NO_SECRET = SecretStr("")


class NotifySettings(Section):
    """How notices are tried again; whom they go to is said in [[hl7]], [[webhooks]], [[mails]] and [[ups]]."""

    first_pause_seconds: float = Field(5, gt=0)
    """Pause after the first failure; doubled each time, with jitter."""
    longest_pause_seconds: float = Field(300, gt=0)
    """The pause never grows beyond this."""
    give_up_after_hours: float = Field(24, gt=0)
    """A notice older than this that fails again is dead and waits for a person."""


class NoticeTarget(Section):
    """What every target of notices has."""

    name: str = Field(min_length=1, max_length=64)
    """Short name, used in logs, metrics and the page; no two targets of any kind may share one."""
    on: tuple[Literal["positive", "negative", "not_analysed"], ...] = Field(("positive",), min_length=1)
    """Which answers it is told; a study that clearly holds no head CT is never told, a correction always."""
    patient_data: bool = False
    """Say who the patient is: name, ID, birth date, sex; also the accession number and reasons that quote headers."""
    accession_number: bool = False
    """Name the order by its accession number, also when the patient is not named."""
    timeout_seconds: float = Field(10, gt=0, le=60)
    """A target that has not taken a notice after this long is tried again later."""


class Hl7Target(NoticeTarget):
    """An HL7 v2.5.1 receiver that takes ORU^R01 over MLLP."""

    host: str = Field(min_length=1)
    """Its address."""
    port: int = Field(ge=1, le=65535)
    """Its port."""
    tls: bool = False
    """Speak TLS; the receiver's certificate is verified."""
    ca_file: Path | None = None
    """PEM file with the authority that signed its certificate; empty takes the system's."""
    charset: Literal["utf-8", "ascii"] = "utf-8"
    """utf-8: MSH-18 says UNICODE UTF-8. ascii: accents are folded and what is left becomes a question mark."""
    sending_application: str = "ICHOR"
    """MSH-3."""
    sending_facility: str = ""
    """MSH-4."""
    receiving_application: str = ""
    """MSH-5."""
    receiving_facility: str = ""
    """MSH-6."""
    processing_id: Literal["P", "T", "D"] = "P"
    """MSH-11: production, training or debugging."""


class HttpTarget(NoticeTarget):
    """What webhooks and UPS have in common."""

    url: str
    """Where to post; https, and plain http only where neither token nor patient data would travel readable."""
    token: SecretStr = NO_SECRET
    """Bearer token, where it asks for one."""
    token_file: Path | None = None
    """File that holds the token, instead of token."""
    ca_file: Path | None = None
    """PEM file with the authority that signed its certificate; empty takes the system's."""

    @model_validator(mode="after")
    def _address_is_usable(self) -> HttpTarget:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("url is no web address: begin it with https:// and the host's name")
        if parts.username is not None or parts.fragment:
            raise ValueError("url may hold neither a password nor a fragment: put secrets into token or token_file")
        named = self.patient_data or self.accession_number
        secret = self.token.get_secret_value() or self.token_file
        if parts.scheme == "http" and parts.hostname not in LOOPBACK and (named or secret):
            raise ValueError("patient data or a token would travel readable over http: use https")
        _one_of_both(self.token, self.token_file, "token")
        return self


class WebhookTarget(HttpTarget):
    """A web address that gets each notice as JSON, signed."""

    secret: SecretStr = NO_SECRET
    """Key of the signature (HMAC-SHA256); whsec_... holds it in base64, anything else is taken as it stands."""
    secret_file: Path | None = None
    """File that holds the secret, instead of secret."""

    @model_validator(mode="after")
    def _one_secret(self) -> WebhookTarget:
        _one_of_both(self.secret, self.secret_file, "secret")
        return self


class MailTarget(NoticeTarget):
    """A mail server that takes each notice as a plain text."""

    host: str = Field(min_length=1)
    """The mail server."""
    port: int = Field(587, ge=1, le=65535)
    """Its port: 587 for starttls, 465 for tls."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """How the way to it is protected; none is allowed on loopback only."""
    ca_file: Path | None = None
    """PEM file with the authority that signed its certificate; empty takes the system's."""
    username: str = ""
    """Login name; empty sends without a login."""
    password: SecretStr = NO_SECRET
    """Its password."""
    password_file: Path | None = None
    """File that holds the password, instead of password."""
    sender: str = Field(pattern=r"^[^@\s]+@[^@\s]+$")
    """Address in From."""
    to: tuple[str, ...] = Field(min_length=1)
    """Addresses in To."""
    subject: str = "{{ correction }}{{ headline }} ({{ priority }})"
    """Template of the subject (Jinja2)."""
    text_file: Path | None = None
    """Template of the text (Jinja2); empty takes the node's own."""

    @model_validator(mode="after")
    def _protected(self) -> MailTarget:
        if self.security == "none" and self.host not in LOOPBACK:
            raise ValueError(f"security = 'none' to {self.host!r} would travel readable: use starttls or tls")
        _one_of_both(self.password, self.password_file, "password")
        return self


class UpsTarget(HttpTarget):
    """A DICOMweb worklist (UPS-RS, PS3.18 11) that gets a workitem for each notice."""

    retrieve_ae_title: str = Field(min_length=1, max_length=16)
    """AE title of the archive that the images can be fetched from; it stands in the workitem's input information."""
    worklist_label: str = Field("ICHOR", min_length=1, max_length=64)
    """Worklist Label (0074,1202): the list the workitem belongs to."""
    uid_parameter: str = Field("", pattern=r"^[A-Za-z]*$")
    """Name of the query parameter that carries the workitem's UID; empty writes ?UID alone, dcm4chee wants workitem."""


def _one_of_both(value: SecretStr, file: Path | None, name: str) -> None:
    if value.get_secret_value() and file:
        raise ValueError(f"{name} and {name}_file are both given: keep one")
