"""A notice as an e-mail: plain text from a template, over SMTP with STARTTLS or TLS."""

from __future__ import annotations

import smtplib
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from service.domain.notice import NoticeKind
from service.errors import DestinationDown, NoticeRefused
from service.notify.letter import Letter, sample
from service.notify.line import Line, Peer, called
from service.notify.secrets import reveal
from service.notify.words import HEADLINES, NOTICE, kinds_of, moment, rounded
from service.targets import MailTarget

OWN_TEXT = Path(__file__).with_name("templates") / "mail.txt.j2"
#: answers of 500 and above are a refusal, 4xx ones ask to come again (RFC 5321 4.2.1)
PERMANENT = 500


class MailMessenger:
    """Writes each letter and hands it to the mail server."""

    kind = NoticeKind.MAIL

    def __init__(self, target: MailTarget) -> None:
        self.target = target
        self._templates = SandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)
        self._peer = Peer(
            name=target.name,
            host=target.host,
            port=target.port,
            seconds=target.timeout_seconds,
            tls=target.security == "tls",
            ca_file=target.ca_file,
        )

    def tell(self, letter: Letter) -> str:
        """Send one mail; whom of several the server does not take is kept in words."""
        message = self.written(letter)
        with self._session() as session:
            missed = session.send_message(message, self.target.sender, self.target.to)
        return f"not taken for {len(missed)} of {len(self.target.to)} addresses" if missed else ""

    def prove(self) -> None:
        """Read password and certificate, and fill the templates in."""
        reveal(self.target.password, self.target.password_file)
        if self.target.security != "none":
            self._peer.trust()
        self.written(sample(self.target))

    def check(self) -> str:
        """Greet, log in and say NOOP."""
        with self._session() as session:
            session.noop()
        return f"{self._peer.address} takes mail" + (f" from {self.target.username}" if self.target.username else "")

    def written(self, letter: Letter) -> EmailMessage:
        """Write the mail; its Message-ID is the same for each try."""
        words = words_of(letter)
        message = EmailMessage()
        message["From"] = self.target.sender
        message["To"] = ", ".join(self.target.to)
        message["Subject"] = " ".join(self._filled(self.target.subject, words).split())
        message["Date"] = format_datetime(datetime.fromtimestamp(letter.news.concluded_at, UTC))
        message["Message-ID"] = mail_id(letter.key, self.target.sender)
        if letter.supersedes:
            message["In-Reply-To"] = mail_id(letter.supersedes, self.target.sender)
        message.set_content(self._filled(self._text(), words))
        return message

    def _text(self) -> str:
        file = self.target.text_file or OWN_TEXT
        try:
            return file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as problem:
            raise NoticeRefused(f"text_file {file} of {self.target.name!r} cannot be read: {problem}") from None

    def _filled(self, template: str, words: dict[str, Any]) -> str:
        try:
            return self._templates.from_string(template).render(words)
        except (TemplateError, ArithmeticError, TypeError, ValueError, AttributeError) as problem:
            raise NoticeRefused(f"the template of {self.target.name!r} cannot be filled in: {problem}") from None

    @contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        with called(self._peer) as line, self._understood(line):
            session = _SmtpOver(line, self._peer)
            try:
                self._secure(session, line)
                self._log_in(session)
                yield session
                # the mail is taken by now, whatever becomes of the goodbye
                with suppress(OSError):
                    session.quit()
            finally:
                session.close()

    @contextmanager
    def _understood(self, line: Line) -> Iterator[None]:
        try:
            yield
        except smtplib.SMTPException as problem:
            if line.was_cut:
                raise TimeoutError from None
            raise self._meaning(problem) from None

    def _secure(self, session: smtplib.SMTP, line: Line) -> None:
        if self.target.security == "starttls":
            session.starttls(context=self._peer.trust())
            line.sock = session.sock or line.sock
        session.ehlo_or_helo_if_needed()

    def _log_in(self, session: smtplib.SMTP) -> None:
        if self.target.username:
            session.login(self.target.username, reveal(self.target.password, self.target.password_file))

    def _meaning(self, problem: smtplib.SMTPException) -> Exception:
        """Tell a refusal from trouble; the server's own words may quote the mail and are not kept."""
        name = self.target.name
        if isinstance(problem, smtplib.SMTPAuthenticationError):
            return DestinationDown(f"{name} did not take the login: mend username and password")
        if isinstance(problem, smtplib.SMTPNotSupportedError):
            return DestinationDown(f"{name} offers no STARTTLS or no login: mend security, or leave username empty")
        code = _code(problem)
        if code >= PERMANENT:
            return NoticeRefused(f"{name} refused the mail with {code}: look into its log, and at sender and to")
        return DestinationDown(f"{name} did not take the mail ({code or type(problem).__name__}): look into its log")


class _SmtpOver(smtplib.SMTP):
    """A session over a line that is open already."""

    def __init__(self, line: Line, peer: Peer) -> None:
        self._line = line
        super().__init__(peer.host, peer.port, local_hostname=socket.gethostname(), timeout=peer.seconds)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return self._line.sock


def _code(problem: smtplib.SMTPException) -> int:
    if isinstance(problem, smtplib.SMTPRecipientsRefused):
        return min(code for code, _ in problem.recipients.values())
    return int(getattr(problem, "smtp_code", 0))


def mail_id(key: str, sender: str) -> str:
    """Return the Message-ID of a notice."""
    return f"<{key[:32]}@{sender.rpartition('@')[2]}>"


def words_of(letter: Letter) -> dict[str, Any]:
    """Return what a template may use; patient is None unless patient_data is switched on."""
    news = letter.news
    return {
        "headline": HEADLINES[news.verdict],
        "correction": "Correction: " if letter.supersedes else "",
        "verdict": news.verdict.value,
        "priority": news.priority.value,
        "probability": "" if news.probability is None else rounded(news.probability),
        "kinds": [(label, rounded(value)) for label, value in kinds_of(news)],
        "why": news.why,
        "study_uid": letter.study_uid,
        "accession_number": letter.accession_number,
        "patient": letter.patient,
        "received_at": moment(letter.received_at),
        "concluded_at": moment(news.concluded_at),
        "link": letter.link,
        "notice": NOTICE,
    }
