"""Pushing workitems to a DICOMweb worklist (UPS-RS, PS3.18 11.4 and 11.8)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

from service.domain.notice import NoticeKind, Told
from service.notify.letter import Letter
from service.notify.web_call import Request, ask, require_reached, require_taken, require_usable
from service.notify.workitem import Instance, cancellation, workitem, workitem_uid
from service.targets import UpsTarget

HEADERS = {"Content-Type": "application/dicom+json", "Accept": "application/dicom+json"}
#: never there, already finished or cancelled, or purged: there is nothing left to cancel
NOTHING_TO_CANCEL = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.GONE})


class UpsMessenger:
    """Creates a workitem for each letter that is wanted, and asks that earlier ones be cancelled."""

    kind = NoticeKind.UPS

    def __init__(self, target: UpsTarget, instances_of: Callable[[str], Sequence[Instance]]) -> None:
        self.target = target
        self._instances_of = instances_of

    def tell(self, letter: Letter) -> str:
        """Cancel what was said before and say what is so now; each step may be done twice."""
        for one in letter.earlier:
            if one.verdict.value in self.target.on:
                self._cancel(one)
        if not letter.wanted:
            return "the earlier workitem was asked to be cancelled"
        return self._create(letter)

    def prove(self) -> None:
        """Read token and certificate."""
        require_usable(self.target)

    def check(self) -> str:
        """Ask for one workitem."""
        headers = {"Accept": HEADERS["Accept"]}
        status = ask(self.target, Request("GET", f"{self._base}?limit=1", headers=headers))
        if status == HTTPStatus.NOT_FOUND:
            require_taken(self.target, status)
        return require_reached(self.target, status)

    @property
    def _base(self) -> str:
        return f"{self.target.url.rstrip('/')}/workitems"

    def _create(self, letter: Letter) -> str:
        uid = workitem_uid(letter.key)
        name = f"{self.target.uid_parameter}=" if self.target.uid_parameter else ""
        series = letter.news.leading_series
        item = workitem(letter, self.target, self._instances_of(series) if series else ())
        status = self._post(f"{self._base}?{name}{uid}", item)
        if status == HTTPStatus.CONFLICT:
            return "the workitem was there already"
        require_taken(self.target, status)
        return ""

    def _cancel(self, earlier: Told) -> None:
        status = self._post(f"{self._base}/{workitem_uid(earlier.key)}/cancelrequest", cancellation())
        if status not in NOTHING_TO_CANCEL:
            require_taken(self.target, status)

    def _post(self, url: str, item: dict[str, Any]) -> int:
        body = json.dumps([item], ensure_ascii=False, separators=(",", ":")).encode()
        return ask(self.target, Request("POST", url, body, HEADERS))
