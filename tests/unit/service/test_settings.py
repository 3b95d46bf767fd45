"""The settings: read once, unknown keys named with their neighbour, the environment over the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.domain.delivery import HOUSE_FORMS, Dialect, Form, ObjectKind
from service.errors import BadSettings
from service.peers import Destination
from service.settings import load_settings


def written(folder: Path, text: str) -> Path:
    file = folder / "ichor.toml"
    file.write_text(text, "utf-8")
    return file


def test_without_a_file_the_defaults_are_loopback_and_sqlite() -> None:
    settings = load_settings(None, {})
    assert (settings.node.ae_title, settings.node.host, settings.node.port) == ("ICHOR", "127.0.0.1", 11112)
    assert settings.database_url.startswith("sqlite:///")


def test_the_contracts_example_is_understood(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        """
        [node]
        ae_title = "ICHOR"
        host = "0.0.0.0"
        [[senders]]
        ae_title = "CT1"
        host = "10.0.0.5"
        [[destinations]]
        name = "pacs"
        ae_title = "ORTHANC"
        host = "10.0.0.9"
        port = 4242
        objects = ["sc", "sr"]
        commit = true
        """,
    )
    settings = load_settings(file, {})
    assert settings.destinations[0].objects == ("sc", "sr")
    assert settings.senders[0].host == "10.0.0.5"


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"ICHOR__NODE__PROT": "1"}, "did you mean 'port'?"),
        ({"ICHOR__NOD__PORT": "1"}, "did you mean 'node'?"),
        ({"ICHOR__COMPLETION__QUITE_SECONDS": "1"}, "did you mean 'quiet_seconds'?"),
        ({"ICHOR__NODE__HOST": "0.0.0.0"}, "[[senders]] is empty"),
        ({"ICHOR__NODE__PORT": "high"}, "node.port"),
        ({"ICHOR__NODE__AE_TITLE": "A" * 17}, "node.ae_title"),
        ({"ICHOR__MODEL__DEVICE": "tpu"}, "model.device"),
        ({"ICHOR__DESTINATIONS": '[{name="a",ae_title="A",host="h",port=1,objcts=[]}]'}, "did you mean 'objects'?"),
    ],
)
def test_what_is_wrong_is_named_with_its_mend(environment: dict[str, str], said: str) -> None:
    with pytest.raises(BadSettings) as problem:
        load_settings(None, environment)
    assert said in str(problem.value)
    assert "\n" not in str(problem.value)


def test_two_destinations_of_one_name_are_refused() -> None:
    twice = '[{name="a",ae_title="A",host="h",port=1},{name="a",ae_title="B",host="h",port=2}]'
    with pytest.raises(BadSettings, match=r"two .* are called 'a'"):
        load_settings(None, {"ICHOR__DESTINATIONS": twice})


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, "[web]\nport = 1\nhost = '127.0.0.2'\n")
    settings = load_settings(file, {"ICHOR__WEB__PORT": "2", "ICHOR__NODE__AE_TITLE": "TRIAGE", "OTHER": "x"})
    assert (settings.web.port, settings.web.host, settings.node.ae_title) == (2, "127.0.0.2", "TRIAGE")


@pytest.mark.parametrize("text", ["[node\n", "node = 3\n", "\xff"])
def test_a_broken_file_is_one_plain_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadSettings):
        load_settings(written(tmp_path, text), {})


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="no such file"):
        load_settings(tmp_path / "none.toml", {})


def test_settings_cannot_be_changed_later() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings(None, {}).node.port = 5  # type: ignore[misc]


def test_the_hospitals_example_is_valid() -> None:
    example = Path(__file__).parents[3] / "deploy/ichor.example.toml"
    settings = load_settings(example, {})
    assert settings.destinations[0].commit
    assert {one.ae_title for one in settings.senders} == {"CT1", "PACS"}


def test_a_destination_says_in_which_forms_it_wants_results() -> None:
    pacs = {"name": "pacs", "ae_title": "PACS", "host": "h", "port": 104}
    assert Destination(**pacs).forms == HOUSE_FORMS
    asked = Destination(**pacs, objects=["sr", "ko"], dialect="basic")
    assert asked.forms == (Form(ObjectKind.SR, Dialect.BASIC), Form(ObjectKind.KO))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('objects = ["seg"]', "destinations.0.objects.0: Input should be 'sc', 'sr', 'ko' or 'gsps'"),
        ('dialect = "fancy"', "destinations.0.dialect: Input should be 'tid1500', 'enhanced' or 'basic'"),
    ],
)
def test_an_unknown_object_or_dialect_names_the_known_ones(tmp_path: Path, line: str, said: str) -> None:
    file = written(tmp_path, f'[[destinations]]\nname = "p"\nae_title = "P"\nhost = "h"\nport = 104\n{line}\n')
    with pytest.raises(BadSettings) as problem:
        load_settings(file, {})
    assert str(problem.value) == said
