"""The viewer as the page first shows it: which series there are, and the chosen one opened where it tells most."""

from __future__ import annotations

from dataclasses import dataclass

from service.ledger import stacks
from service.ledger.case import Case, ListedSeries
from service.worklist.answers import Json, leading_of
from service.worklist.ports import WorklistPorts
from service.worklist.slice_pictures import edition_of
from service.worklist.slices import picture_base, stack_answer
from service.worklist.stack import ShownSlice, Stack, stack_of
from service.worklist.strip import Strip, strip_of
from service.worklist.windows import WINDOWS, Window
from service.worklist.words import counted, percent


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A series that can be looked at."""

    uid: str
    title: str
    count: str
    leading: bool
    chosen: bool
    address: str


@dataclass(frozen=True, kw_only=True)
class Key:
    """A key slice to jump to."""

    at: int
    number: str
    chance: str


@dataclass(frozen=True, kw_only=True)
class Viewer:
    """Everything the viewer prints before its script takes over."""

    study_uid: str
    series_uid: str
    choices: tuple[Choice, ...]
    stack: Stack
    strip: Strip
    windows: tuple[Window, ...]
    keys: tuple[Key, ...]
    #: addresses of the first picture and of its heat; empty where there is none
    picture: str
    heat: str
    first: ShownSlice | None
    #: the slices as the API gives them, for the script
    slices: Json


def viewer_of(ports: WorklistPorts, case: Case, wanted: str) -> Viewer | None:
    """Open the wanted CT series, else the leading one; None while the study has no CT."""
    listed = [one for one in case.series if one.modality == "CT"]
    leading = leading_of(case)
    chosen = next((one for one in listed if one.series_uid == wanted), leading if leading in listed else None)
    chosen = chosen or (max(listed, key=lambda one: one.received) if listed else None)
    pile = stacks.pile(ports.ledger, case.study.study_uid, chosen.series_uid) if chosen else None
    if pile is None:
        return None
    stack = stack_of(pile, ports.slices.heat_floor)
    first = stack.slices[stack.start] if stack.slices else None
    base = picture_base(pile.study_uid, pile.series_uid)
    brain = WINDOWS[0]
    return Viewer(
        study_uid=pile.study_uid,
        series_uid=pile.series_uid,
        choices=tuple(_choice(one, pile, one is leading) for one in listed),
        stack=stack,
        strip=strip_of(stack),
        windows=WINDOWS,
        keys=tuple(_key(stack, at) for at in stack.keys),
        picture=f"{base}{first.name}/{brain.name}.png?{edition_of(ports.slices, brain)}" if first else "",
        heat=f"{base}{first.name}/heat-{first.heat}.png" if first and first.heat else "",
        first=first,
        slices=stack_answer(ports, pile, stack),
    )


def _choice(one: ListedSeries, pile: stacks.SeriesPile, leading: bool) -> Choice:
    return Choice(
        uid=one.series_uid,
        title=one.description or "No description",
        count=counted(one.received, "image", "images"),
        leading=leading and one.conclusion is not None,
        chosen=one.series_uid == pile.series_uid,
        address=f"/studies/{pile.study_uid}?series={one.series_uid}#viewer",
    )


def _key(stack: Stack, at: int) -> Key:
    one = stack.slices[at]
    return Key(at=at, number=one.label, chance=percent(one.score.probability if one.score else None))
