"""The conformance statement says what the code does: classes, syntaxes, status codes, limits and timeouts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydicom.uid import UID
from pynetdicom.presentation import DEFAULT_TRANSFER_SYNTAXES

from service.assembly import ask_peer
from service.delivery import association, commit, look, report, rules, vouch, ways, web_client
from service.dicom import functional_groups, pixels, uids
from service.dicom.contexts import KEPT_SYNTAXES, READ_SYNTAXES, storage_contexts
from service.dicom.statuses import Status
from service.domain.delivery import ObjectKind
from service.domain.verdict import Priority, StudyState
from service.intake import reactor, scp
from service.intake.rules import STATUS_OF
from service.ledger.inquiry import AskedSeries, AskedStudy
from service.ledger.listing import ListedStudy
from service.outputs.report import SOP_CLASSES
from service.query import answer, narrow, study_root
from service.query.study_root import Level
from service.settings import DeliverySettings, NodeSettings
from service.wiring import roles

PAGE = (Path(__file__).parents[2] / "docs" / "conformance.md").read_text("utf-8")
DOOR = PAGE[PAGE.index("### 2.1 Door") : PAGE.index("### 2.2 Delivery")]
DELIVERY = PAGE[PAGE.index("### 2.2 Delivery") : PAGE.index("### 2.3 Query")]
QUERY = PAGE[PAGE.index("### 2.3 Query") : PAGE.index("### 2.4")]
MIB = 1024 * 1024
#: names that stand in uids.py for other rooms' sake and are no service or syntax of the node
NOT_SPOKEN = {"STORAGE_COMMITMENT_INSTANCE", "MODALITY_WORKLIST_FIND", "MULTIFRAME_TRUE_COLOR_SC"}


def section(title: str) -> str:
    """Cut one section out of the page."""
    found = re.search(rf"^(#+) {re.escape(title)}.*?(?=^#{{1,4}} |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, title
    return found.group()


def listed(text: str) -> list[str]:
    """Give the UIDs of a table in their order."""
    return re.findall(r"`([0-9]+(?:\.[0-9]+){5,})`", text)


def test_it_says_what_it_is_for() -> None:
    assert "research use only, not for diagnosis; trained on synthetic data" in PAGE.replace("**", "")


def test_every_accepted_storage_class_is_listed_and_no_other() -> None:
    accepted = [str(one.abstract_syntax) for one in storage_contexts()][1:]
    assert sorted(listed(section("Appendix"))) == sorted(accepted)
    for uid in accepted:
        name = UID(uid).name
        assert name == uid or f"| {name} | `{uid}` |" in PAGE


def test_every_transfer_syntax_is_listed_in_the_order_of_preference() -> None:
    assert listed(section("3 Transfer syntaxes")) == [*READ_SYNTAXES, *KEPT_SYNTAXES]
    for uid in (*READ_SYNTAXES, *KEPT_SYNTAXES):
        assert f"| {UID(uid).name} | `{uid}` |" in PAGE


@pytest.mark.parametrize("status", Status, ids=lambda one: one.name)
def test_every_status_stands_there_with_its_name(status: Status) -> None:
    number = f"`0x{status:04X}`"
    assert any(status.name in line and number in line for line in PAGE.splitlines()) or re.search(
        rf"{status.name}\s+{number}", PAGE
    )


def test_every_refusal_of_the_door_is_in_its_table() -> None:
    table = section("Status codes answered to C-STORE")
    answered = {*STATUS_OF.values(), Status.SUCCESS, Status.PROCESSING_FAILURE}
    assert set(re.findall(r"^\| `(0x[0-9A-F]{4})` \| (\w+)", table, re.MULTILINE)) == {
        (f"0x{one:04X}", one.name) for one in answered
    }


@pytest.mark.parametrize("name", [name for name in vars(uids) if name.isupper() and not name.startswith("_")])
def test_every_named_uid_is_there(name: str) -> None:
    value = getattr(uids, name)
    if isinstance(value, str) and name not in NOT_SPOKEN:
        assert f"`{value}`" in PAGE


def test_what_is_sent_is_what_is_proposed() -> None:
    assert [one.name for one in ways.SYNTAXES] == ["Explicit VR Little Endian", "Implicit VR Little Endian"]
    assert {one.value for one in ObjectKind} == {"sc", "sr", "ko", "gsps"}, "say in section 2.2 what else is sent"
    ours = (uids.SECONDARY_CAPTURE, *SOP_CLASSES.values(), uids.KEY_OBJECT_SELECTION, uids.PRESENTATION_STATE)
    assert f"Storage | yes ({('no', 'one', 'two', 'three', 'four', 'five', 'six')[len(ours)]} classes)" in PAGE
    for uid in (*ours, uids.STORAGE_COMMITMENT_PUSH_MODEL):
        assert f"`{uid}`" in DELIVERY


def test_verification_is_offered_in_the_syntaxes_named() -> None:
    named = ", ".join(UID(one).name for one in DEFAULT_TRANSFER_SYNTAXES)
    assert f"| Verification | `{uids.VERIFICATION}` | {named} | SCP |" in PAGE


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (DOOR, f"`node.max_associations`, default {NodeSettings().max_associations};"),
        (DOOR, f"calling AE title not recognized ({', '.join(str(one) for one in scp.STRANGER)})"),
        (DOOR, f"`node.max_pdu`, default {NodeSettings().max_pdu} bytes announced"),
        (DOOR, f"exceeds it by more than {reactor.PDU_SLACK // MIB} MiB"),
        (DOOR, f"| waiting for A-ASSOCIATE-RQ | {scp.ASK_SECONDS:g} s (ARTIM)"),
        (DOOR, f"| one PDU from first to last byte | {scp.PDU_SECONDS:g} s"),
        (DOOR, f"`node.idle_seconds`, default {NodeSettings().idle_seconds:g} s"),
        (DOOR, f"at most {pixels.LARGEST_SIDE} rows or columns, at most {functional_groups.MOST_FRAMES} frames"),
        (DELIVERY, f"Maximum PDU announced {association.MAX_PDU} bytes; {association.CONNECT_SECONDS:g} s to\nconnect"),
        (
            DELIVERY,
            f"{association.ACSE_SECONDS:g} s for the association, {association.DIMSE_SECONDS:g} s for an answer",
        ),
        (DELIVERY, f"first pause {DeliverySettings().first_pause_seconds:g} s"),
        (DELIVERY, f"at most {DeliverySettings().longest_pause_seconds:g} s"),
        (DELIVERY, f"dead after {DeliverySettings().give_up_after_hours:g} h"),
        (DELIVERY, f"held for {commit.LINGER_SECONDS:g} s"),
        (DELIVERY, f"`delivery.commit_timeout_seconds` ({DeliverySettings().commit_timeout_seconds:g} s)"),
        (DELIVERY, f"until\n{rules.LONGEST_WAIT_SECONDS / 3600:g} h have passed"),
        (DOOR, f"with up to {vouch.MOST_INSTANCES} references"),
        (DOOR, f"more than {vouch.MOST_INSTANCES} references, or {vouch.MOST_OPEN} requests of one caller"),
        (DOOR, f"while that is open for up to {vouch.SAME_ASSOCIATION_SECONDS:g} s"),
        (DOOR, f"in the last {roles.REMEMBERED_SECONDS / 86400:g} days"),
        (DOOR, f"more than {narrow.MOST_UIDS} UIDs"),
        (DOOR, f"more than {answer.MOST_LOOKED_AT} studies looked at"),
        (DELIVERY, f"{web_client.CONNECT_SECONDS:g} s to connect, {web_client.ANSWER_SECONDS:g} s for an answer"),
        (DELIVERY, f"after {look.SETTLING_SECONDS:g} s sent again"),
        (QUERY, f"each answer {ask_peer.TIMEOUT_SECONDS:g} s"),
    ],
    ids=lambda one: one[:40] if len(one) < 200 else "",
)
def test_every_limit_and_timeout_is_that_of_the_code(part: str, words: str) -> None:
    assert words in part


def test_every_answer_to_a_query_is_in_its_table() -> None:
    table = section("C-FIND: studies and series")
    answered = {*answer.STATUS_OF.values(), Status.PENDING, Status.PENDING_WITHOUT_OPTIONAL_KEYS, Status.CANCELLED}
    assert set(re.findall(r"^\| `(0x[0-9A-F]{4})` \| (\w+)", table, re.MULTILINE)) == {
        (f"0x{one:04X}", one.name) for one in {*answered, Status.SUCCESS}
    }
    assert all(f"\n| {one.value}" in table for one in Level)


def test_every_attribute_that_is_answered_is_named() -> None:
    """The names of the standard, as the table has them."""
    table = section("C-FIND: studies and series")
    asked = AskedStudy(study=listed_study())
    series = AskedSeries(series_uid="1", modality="CT", description="", number=1, objects=1)
    for data in (study_root.study_data(asked, "PACS"), study_root.series_data(asked, series, "PACS")):
        for element in data:
            assert element.name in table, element.name


def listed_study() -> ListedStudy:
    facts = dict.fromkeys(("sender", "why", "accession_number"), "") | {"patient": {}, "header": {}}
    times = {"received_at": 1.0, "last_arrival_at": 1.0, "concluded_at": None, "notified_at": None}
    answered = {"verdict": None, "probability": None, "urgency": 0}
    return ListedStudy(study_uid="1.2", state=StudyState.DONE, priority=Priority.HIGH, **facts, **times, **answered)


def test_reasons_not_to_vouch_are_named() -> None:
    part = section("Storage Commitment asked of the node")
    for reason in (Status.NO_SUCH_INSTANCE, Status.CLASS_INSTANCE_CONFLICT, Status.DUPLICATE_TRANSACTION):
        assert f"| `0x{reason:04X}` | {reason.name} |" in part
    assert report.SOME_LOST == 2


def test_users_call_under_the_name_that_is_stated() -> None:
    entity = association._entity("ICHOR")
    assert entity.implementation_class_uid == uids.IMPLEMENTATION_CLASS_UID
    assert entity.implementation_version_name == uids.IMPLEMENTATION_VERSION_NAME
