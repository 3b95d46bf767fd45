"""The tables of targets in ichor.toml: what stops the start, and what is never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.domain.notice import NoticeKind
from service.domain.verdict import Verdict
from service.errors import BadSettings
from service.notify import rules
from service.settings import Settings, load_settings
from service.targets import NotifySettings
from service.wiring.notify import addressees, require_usable
from service.wiring.roles import practising

WHOLE = """
[[hl7]]
name = "ris"
host = "10.0.0.7"
port = 2575
patient_data = true
[[webhooks]]
name = "chat"
url = "https://chat.hospital.test/hook"
on = ["positive", "not_analysed"]
secret = "whsec_c2VjcmV0"
[[mails]]
name = "mail"
host = "mail.hospital.test"
sender = "ichor@hospital.test"
to = ["stroke@hospital.test"]
[[ups]]
name = "worklist"
url = "https://pacs.hospital.test/dicom-web"
retrieve_ae_title = "PACS"
"""


def loaded(folder: Path, text: str) -> Settings:
    file = folder / "ichor.toml"
    file.write_text(text, "utf-8")
    return load_settings(file, {})


def test_one_of_each_kind_is_understood(tmp_path: Path) -> None:
    found = {one.name: one for one in addressees(loaded(tmp_path, WHOLE))}
    assert {name: one.kind for name, one in found.items()} == {
        "ris": NoticeKind.HL7, "chat": NoticeKind.WEBHOOK, "mail": NoticeKind.MAIL, "worklist": NoticeKind.UPS,
    }  # fmt: skip
    assert found["ris"].on == {Verdict.POSITIVE}
    assert found["chat"].on == {Verdict.POSITIVE, Verdict.NOT_ANALYSED}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('name = "chat"', 'name = "ris"'), "two targets of notices are called 'ris'"),
        (('port = 2575', 'prot = 2575'), "did you mean 'port'?"),
        (('"positive", "not_analysed"', '"maybe"'), "webhooks.0.on.0"),
        (('"positive", "not_analysed"', ''), "webhooks.0.on"),
        (("https://chat", "ftp://chat"), "begin it with https://"),
        (("https://chat", "https://user:pw@chat"), "put secrets into token"),
        (('secret = "whsec_c2VjcmV0"', 'secret = "a"\nsecret_file = "b"'), "secret and secret_file are both given"),
        (('secret = "whsec_c2VjcmV0"\n', 'token = "a"\ntoken_file = "b"\n'), "token and token_file are both given"),
        (("https://pacs", "http://pacs"), ""),
        (('"https://pacs.hospital.test/dicom-web"', '"http://pacs/rs"\ntoken = "t"'), "use https"),
        (('"https://pacs.hospital.test/dicom-web"', '"http://pacs/rs"\npatient_data = true'), "use https"),
        (('"https://pacs.hospital.test/dicom-web"', '"http://pacs/rs"\naccession_number = true'), "use https"),
        (('sender = "', 'security = "none"\nsender = "'), "use starttls or tls"),
        (('["stroke@hospital.test"]', "[]"), "mails.0.to"),
        (('retrieve_ae_title = "PACS"', ""), "ups.0.retrieve_ae_title"),
    ],
)  # fmt: skip
def test_what_is_wrong_stops_the_start_and_is_named(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    assert change[0] in WHOLE
    text = WHOLE.replace(change[0], change[1], 1)
    if not said:
        return loaded(tmp_path, text) and None
    with pytest.raises(BadSettings) as raised:
        loaded(tmp_path, text)
    assert said in str(raised.value)
    return None


def test_secrets_are_never_shown(tmp_path: Path) -> None:
    settings = loaded(tmp_path, WHOLE)
    assert "c2VjcmV0" not in repr(settings) + str(settings) + settings.model_dump_json()
    with pytest.raises(BadSettings) as raised:
        loaded(tmp_path, WHOLE.replace('secret = "whsec_c2VjcmV0"', 'secret = "hidden"\nsecret_fil = "x"'))
    assert "hidden" not in str(raised.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('secret = "whsec_c2VjcmV0"', 'secret_file = "{folder}/gone"'), "cannot be read"),
        (('secret = "whsec_c2VjcmV0"', 'secret_file = "{folder}/empty"'), "holds no secret"),
        (('secret = "whsec_c2VjcmV0"', 'secret_file = "{folder}/two"'), "in one line"),
        (('secret = "whsec_c2VjcmV0"', 'secret = "whsec_%"'), "no base64"),
        (('port = 2575', 'port = 2575\ntls = true\nca_file = "{folder}/gone"'), "ca_file"),
        (('sender = "', 'text_file = "{folder}/gone"\nsender = "'), "text_file"),
        (('sender = "', 'subject = "{{{{ patient_name }}}}"\nsender = "'), "patient_name"),
        (('sender = "', 'subject = "{{% if %}}"\nsender = "'), "cannot be filled in"),
        (('sender = "', 'subject = "{{{{ \'\'.__class__.__mro__ }}}}"\nsender = "'), "unsafe"),
    ],
)  # fmt: skip
def test_what_no_target_could_be_told_with_stops_the_start(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "two").write_text("a\nb\n")
    settings = loaded(tmp_path, WHOLE.replace(change[0], change[1].format(folder=tmp_path), 1))
    with pytest.raises(BadSettings, match=said):
        require_usable(settings)


def test_a_whole_file_is_usable(tmp_path: Path) -> None:
    require_usable(loaded(tmp_path, WHOLE))


def test_practice_tells_nobody(tmp_path: Path) -> None:
    assert practising(loaded(tmp_path, WHOLE)).notice_targets == ()


def test_pauses_double_rests_stay_short_and_old_notices_are_given_up() -> None:
    settings = NotifySettings(first_pause_seconds=5, longest_pause_seconds=300, give_up_after_hours=24)
    assert [round(rules.next_pause(at, settings, 0.5)) for at in (0, 1, 2, 9)] == [5, 10, 20, 300]
    assert rules.rest_of(9, settings, 0.5) == 60
    assert not rules.is_exhausted(0, 24 * 3600 - 1, settings)
    assert rules.is_exhausted(0, 24 * 3600, settings)
