"""Telling by e-mail: aiosmtpd as the mail server, with STARTTLS, TLS, logins and refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult
from letters import AT
from receivers import LOOPBACK, mail_server

from service.domain.notice import NoticeKind
from service.domain.verdict import Verdict
from service.errors import DestinationDown
from service.notify.mail import MailMessenger
from service.notify.words import NOTICE
from service.targets import MailTarget

NOW = AT
PLAIN = {
    "name": "mail", "host": LOOPBACK, "security": "none", "sender": "ichor@hospital.test",
    "to": ("stroke@hospital.test", "er@hospital.test"), "timeout_seconds": 60,
}  # fmt: skip


def messenger(port: int, **more: Any) -> MailMessenger:
    return MailMessenger(MailTarget(**PLAIN | {"port": port} | more))


def conclude(outbox: Any, **more: Any) -> None:
    outbox.conclude("1.2.1", "mail", kind=NoticeKind.MAIL, **more)


def login(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    right = mechanism in ("PLAIN", "LOGIN") and data.login == b"ichor" and data.password == b"pa55"
    return AuthResult(success=right, handled=right)


def test_a_plain_text_with_a_link_and_no_patient(outbox: Any, telling_round: Any) -> None:
    conclude(outbox)
    with mail_server() as server:
        telling_round(messenger(server.port)).run_once(NOW)
    ((sender, to, mail),) = server.got
    assert (sender, to) == ("ichor@hospital.test", ["stroke@hospital.test", "er@hospital.test"])
    assert mail["Subject"] == "Suspected intracranial haemorrhage (HIGH)"
    text = mail.get_content()
    assert "https://triage.example/studies/1.2.1" in text and NOTICE in text and "0.97" in text
    assert not any(word in str(mail) for word in ("ACC4711", "P-0042", "Jürgen"))
    assert outbox.states("1.2.1") == ["sent"]


def test_with_patient_data_it_names_the_patient(outbox: Any, telling_round: Any) -> None:
    conclude(outbox)
    with mail_server() as server:
        telling_round(messenger(server.port, patient_data=True)).run_once(NOW)
    text = server.got[0][2].get_content()
    assert "Müller^Jürgen" in text and "ACC4711" in text


def test_a_correction_answers_the_first_mail(outbox: Any, telling_round: Any) -> None:
    with mail_server() as server:
        rounds = telling_round(messenger(server.port))
        conclude(outbox)
        rounds.run_once(NOW)
        conclude(outbox, verdict=Verdict.NEGATIVE, at=NOW + 60)
        rounds.run_once(NOW + 60)
    first, second = (mail for _, _, mail in server.got)
    assert second["In-Reply-To"] == first["Message-ID"] != second["Message-ID"]
    assert str(second["Subject"]).startswith("Correction: No haemorrhage flagged")


def test_the_sites_own_words(outbox: Any, telling_round: Any, tmp_path: Path) -> None:
    file = tmp_path / "mail.txt"
    file.write_text("{{ priority }}: {{ link }}\n{{ notice }}")
    conclude(outbox)
    with mail_server() as server:
        made = messenger(server.port, subject="Look at {{ study_uid }}\n now", text_file=file)
        telling_round(made).run_once(NOW)
    mail = server.got[0][2]
    assert mail["Subject"] == "Look at 1.2.1 now", "a template cannot add header lines"
    assert mail.get_content().splitlines() == ["HIGH: https://triage.example/studies/1.2.1", NOTICE]


@pytest.mark.parametrize(
    ("reply", "error"),
    [("550 spam about DOE JOHN", "refused the mail with 550"), ("451 later", "did not take the mail (451)")],
)
def test_a_refused_mail_is_tried_again_under_the_same_id(
    outbox: Any, telling_round: Any, reply: str, error: str
) -> None:
    conclude(outbox)
    with mail_server(reply, "250 taken") as server:
        rounds = telling_round(messenger(server.port))
        rounds.run_once(NOW)
        assert error in outbox.error("1.2.1") and "DOE" not in outbox.error("1.2.1")
        rounds.run_once(NOW + 30)
    assert outbox.states("1.2.1") == ["sent"]
    assert len({mail["Message-ID"] for _, _, mail in server.got}) == 1


def test_one_unknown_address_does_not_stop_the_others(outbox: Any, telling_round: Any) -> None:
    conclude(outbox)
    with mail_server(refused=["er@hospital.test"]) as server:
        telling_round(messenger(server.port)).run_once(NOW)
    assert server.got[0][1] == ["stroke@hospital.test"]
    assert (outbox.states("1.2.1"), outbox.error("1.2.1")) == (["sent"], "not taken for 1 of 2 addresses")


def test_nobody_known_is_a_refusal(outbox: Any, telling_round: Any) -> None:
    conclude(outbox)
    with mail_server(refused=PLAIN["to"]) as server:  # type: ignore[arg-type]
        telling_round(messenger(server.port)).run_once(NOW)
    assert "refused the mail with 550" in outbox.error("1.2.1")


def test_starttls_and_login(outbox: Any, telling_round: Any, certificate: Any, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("pa55\n")
    safe = {"host": "localhost", "security": "starttls", "ca_file": certificate.file, "username": "ichor"}
    demands = {"tls_context": certificate.context, "authenticator": login, "auth_required": True}
    conclude(outbox)
    with mail_server(**demands, require_starttls=True) as server:
        wrong = messenger(server.port, **safe, password="wrong")
        telling_round(wrong).run_once(NOW)
        assert "did not take the login: mend username and password" in outbox.error("1.2.1")
        right = messenger(server.port, **safe, password_file=tmp_path / "password")
        assert "takes mail from ichor" in right.check()
        telling_round(right).run_once(NOW + 30)
    assert outbox.states("1.2.1") == ["sent"]
    assert len(server.got) == 1


def test_a_server_without_starttls_gets_no_mail_in_the_clear(outbox: Any, telling_round: Any, certificate: Any) -> None:
    conclude(outbox)
    with mail_server() as server:
        made = messenger(server.port, host="localhost", security="starttls", ca_file=certificate.file)
        telling_round(made).run_once(NOW)
    assert "offers no STARTTLS" in outbox.error("1.2.1")
    assert server.got == []


def test_a_certificate_that_nobody_vouches_for_gets_no_mail(outbox: Any, telling_round: Any, certificate: Any) -> None:
    conclude(outbox)
    with mail_server(tls_context=certificate.context, require_starttls=True) as server:
        telling_round(messenger(server.port, host="localhost", security="starttls")).run_once(NOW)
    assert "is not trusted" in outbox.error("1.2.1")
    assert server.got == []


def test_the_doctor_greets_and_leaves(free_port: Any) -> None:
    with mail_server() as server:
        assert "takes mail" in messenger(server.port).check()
    assert server.got == []
    with pytest.raises(DestinationDown, match="nobody listens"):
        messenger(free_port()).check()
