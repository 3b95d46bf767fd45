"""The handlers behind C-FIND, and what work items are asked beside it; the node only shows its list."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import build_context, evt
from pynetdicom.presentation import PresentationContext

from service.dicom.functional_groups import BAD_VALUE
from service.dicom.statuses import Status, refusal
from service.dicom.uids import STUDY_ROOT_FIND, UPS_PULL, UPS_QUERY
from service.errors import BadQuery, NotAnswered, TooBroad, Unintelligible
from service.ledger.book import Ledger
from service.query import study_root, work_items
from service.query.data_set import declare_character_set
from service.query.matching import asks_for_unknown, check, matches, selected
from service.query.narrow import Policy, inquiry_of
from service.query.work_items import Labels
from service.settings import QuerySettings

log = logging.getLogger(__name__)

#: PS3.4 C.4.1.1.4, CC.2.8.3
STATUS_OF: dict[type[NotAnswered], Status] = {
    BadQuery: Status.DATA_SET_MISMATCH,
    Unintelligible: Status.CANNOT_UNDERSTAND,
    TooBroad: Status.OUT_OF_RESOURCES,
}
#: answered whether asked for or not (PS3.4 C.4.1.1.3.2, CC.2.8.2)
ALWAYS = ("RetrieveAETitle", "SOPClassUID", "SOPInstanceUID")
#: one query looks at so many studies that do not match before it is called too broad
MOST_LOOKED_AT = 10_000
READ_ONLY = "this list is read only: no work item is taken or changed here"

Answer = tuple[Dataset | int, Dataset | None]


class QueryDesk:
    """Answers from the ledger; keeps nothing between two queries."""

    def __init__(
        self, ledger: Ledger, settings: QuerySettings, retrieve_ae_title: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._ledger = ledger
        self._settings = settings
        self._clock = clock
        self._labels = Labels(worklist=settings.worklist_label, retrieve_ae_title=retrieve_ae_title)

    def handlers(self) -> list[tuple[Any, Callable[[Any], Any]]]:
        """Return the pynetdicom handlers."""
        return [
            (evt.EVT_C_FIND, self.find),
            (evt.EVT_N_GET, self.get),
            *((event, self.refuse) for event in (evt.EVT_N_ACTION, evt.EVT_N_SET)),
        ]

    def find(self, event: Any) -> Iterator[Answer]:
        """Give the matches one by one; the last answer says why when it is not success."""
        try:
            yield from self._answers(event)
        except NotAnswered as problem:
            log.info("query of %s not answered to its end: %s", _caller(event), problem)
            yield refusal(STATUS_OF[type(problem)], str(problem)), None
        except Exception:
            log.exception("a query could not be answered")
            yield refusal(Status.CANNOT_UNDERSTAND, "the node could not answer; see its log"), None

    def get(self, event: Any) -> tuple[Dataset | int, Dataset | None]:
        """Give one work item, the attributes asked for or all of it."""
        try:
            inquiry = inquiry_of(Dataset(), self._policy())
            uid = str(event.request.RequestedSOPInstanceUID)
            item = work_items.find_item(self._ledger, uid, inquiry, self._labels)
        except Exception:
            log.exception("a work item could not be given")
            return Status.PROCESSING_FAILURE, None
        if item is None:
            return refusal(Status.NO_SUCH_WORK_ITEM, "there is no work item of this UID"), None
        wanted = set(event.attribute_identifiers)
        answer = Dataset()
        answer.update({tag: item[tag] for tag in item.keys() if not wanted or tag in wanted})  # noqa: SIM118
        declare_character_set(answer, "")
        return Status.SUCCESS, answer

    def refuse(self, event: Any) -> tuple[Dataset | int, Dataset | None]:
        """Nobody takes, changes or cancels work here."""
        log.info("%s wanted to change a work item: refused", _caller(event))
        return refusal(Status.NOT_AUTHORIZED, READ_ONLY), None

    def _answers(self, event: Any) -> Iterator[Answer]:
        keys = identifier_of(event)
        check(keys)
        inquiry = inquiry_of(keys, self._policy())
        if str(event.context.abstract_syntax) == STUDY_ROOT_FIND:
            level = study_root.level_of(keys)
            found = study_root.candidates(self._ledger, level, inquiry, self._labels.retrieve_ae_title)
            said = {"QueryRetrieveLevel": level.value}
        else:
            found, said = work_items.candidates(self._ledger, keys, inquiry, self._labels), {}
        given = 0
        for candidate in self._within_limits(keys, found):
            if event.is_cancelled:
                yield Status.CANCELLED, None
                return
            given += 1
            yield _status(keys, candidate), _answer(keys, candidate, said)
        log.info("query of %s answered with %d match(es)", _caller(event), given)

    def _within_limits(self, keys: Dataset, found: Iterator[Dataset]) -> Iterator[Dataset]:
        given = passed = 0
        for candidate in found:
            if not matches(keys, candidate):
                passed += 1
                if passed > MOST_LOOKED_AT:
                    raise TooBroad("too many studies to look through: narrow the query")
                continue
            if given == self._settings.limit:
                raise TooBroad(f"more than {given} match: narrow the query")
            given += 1
            yield candidate

    def _policy(self) -> Policy:
        return Policy(settings=self._settings, now=self._clock())


def contexts() -> list[PresentationContext]:
    """Return the contexts under which the list is asked for."""
    return [build_context(one) for one in (STUDY_ROOT_FIND, UPS_PULL, UPS_QUERY)]


def identifier_of(event: Any) -> Dataset:
    """Decode the keys to the last value: pydicom reads lazily."""
    try:
        keys: Dataset = event.identifier
        for element in keys.iterall():
            str(element.value)
    except (*BAD_VALUE, OSError, EOFError, RecursionError) as problem:
        raise Unintelligible("the identifier is no data set") from problem
    return keys


def _status(keys: Dataset, candidate: Dataset) -> Status:
    return Status.PENDING_WITHOUT_OPTIONAL_KEYS if asks_for_unknown(keys, candidate) else Status.PENDING


def _answer(keys: Dataset, candidate: Dataset, said: dict[str, str]) -> Dataset:
    answer = selected(keys, candidate)
    for keyword in ALWAYS:
        if candidate.get(keyword):
            answer.add(candidate[keyword])
    for keyword, value in said.items():
        setattr(answer, keyword, value)
    declare_character_set(answer, str(keys.get("SpecificCharacterSet", "")))
    return answer


def _caller(event: Any) -> str:
    return str(event.assoc.requestor.ae_title).strip()
