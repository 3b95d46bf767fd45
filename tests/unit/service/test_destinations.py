"""A destination is called in one way, and its secret never stands in the settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from service.peers import Destination

CALLED = {"ae_title": "PACS", "host": "10.0.0.9", "port": 104}
URL = "https://pacs/dicom-web"


@pytest.mark.parametrize(
    "given",
    [
        CALLED,
        {"url": URL},
        {"url": "http://10.0.0.9:8042/dicom-web/"},
        {"url": URL, "secret": "env:TOKEN"},
        {"url": URL, "secret": "file:/run/secrets/token", "user": "ichor", "ca_file": Path("ca.pem")},
        {"url": "http://127.0.0.1:8042/dicom-web", "secret": "env:TOKEN"},
    ],
)
def test_one_way(given: dict[str, Any]) -> None:
    assert Destination(name="pacs", **given).name == "pacs"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "needs ae_title, host and port, or a url"),
        ({"ae_title": "PACS", "host": "10.0.0.9"}, "needs ae_title, host and port, or a url"),
        ({"url": URL, "ae_title": "PACS"}, "keep one way"),
        (CALLED | {"url": URL}, "keep one way"),
        (CALLED | {"secret": "env:TOKEN"}, "belong to one"),
        ({"url": "pacs/dicom-web"}, "must be https://HOST/PATH"),
        ({"url": "ftp://pacs/dicom-web"}, "must be https://HOST/PATH"),
        ({"url": "https://user:word@pacs/dicom-web"}, "without name or password"),
        ({"url": URL, "secret": "s3cret"}, "must be file:PATH or env:NAME"),
        ({"url": URL, "user": "ichor"}, "a user but no secret"),
        ({"url": "http://pacs/dicom-web", "secret": "env:TOKEN"}, "in the clear: use https"),
    ],
)
def test_what_is_no_way(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words) as refused:
        Destination(name="pacs", **given)
    assert "'pacs'" in str(refused.value)
