"""The routes of the viewer: a series as a list of slices, and each slice as a picture."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import JSONResponse

from service.errors import UndecodablePixels
from service.ledger import stacks
from service.worklist.answers import Json
from service.worklist.door import reader_door
from service.worklist.ports import WorklistPorts
from service.worklist.refusal import Refusal
from service.worklist.slice_pictures import Frame, Missing, SlicePictures, edition_of
from service.worklist.stack import ShownSlice, Stack, stack_of
from service.worklist.windows import WINDOWS, window_named
from service.worklist.words import percent

#: a picture's address names its content, so that a browser may keep it for a shift without asking; no proxy may
KEEP = "private, max-age=43200, immutable"
Uid = Annotated[str, Path(pattern=r"^[0-9.]{1,64}$")]


@dataclass(frozen=True)
class Asked:
    """Which slice an address means; the address names its content, window and heat, and so does the tag."""

    frame: Frame
    etag: str


def asked_for(
    request: Request,
    study_uid: Uid,
    series_uid: Uid,
    content: Annotated[str, Path(pattern="^[0-9a-f]{64}$")],
    number: Annotated[int, Path(ge=0, le=99_999)],
) -> Asked:
    """Read a slice's address."""
    frame = Frame(study_uid=study_uid, series_uid=series_uid, content_hash=content, number=number)
    named = hashlib.sha256(f"{request.url.path}?{request.url.query}".encode()).hexdigest()
    return Asked(frame, f'"{named[:32]}"')


def slices_router(ports: WorklistPorts) -> APIRouter:
    """Return the routes that the viewer asks."""
    router = APIRouter(dependencies=[Depends(reader_door(ports))])
    pictures = SlicePictures(ports)
    slot = "/studies/{study_uid}/series/{series_uid}/slices/{content}-{number}"
    asked_slice = Depends(asked_for)

    @router.get("/api/studies/{study_uid}/series/{series_uid}/slices")
    def slices(study_uid: str, series_uid: str) -> Json:
        pile = stacks.pile(ports.ledger, study_uid, series_uid)
        if pile is None:
            raise Refusal(
                HTTPStatus.NOT_FOUND, "this study has no such series", "GET /api/studies/{uid} names its series"
            )
        return stack_answer(ports, pile, stack_of(pile, ports.slices.heat_floor))

    @router.get(slot + "/heat-{heat}.png")
    def heat(request: Request, heat: str, asked: Asked = asked_slice) -> Response:
        return _picture(request, asked.etag, lambda: pictures.heat(asked.frame, heat))

    @router.get(slot + "/{window}.png")
    def grey(request: Request, window: str, asked: Asked = asked_slice) -> Response:
        found = window_named(window)
        if found is None:
            return _sorry(HTTPStatus.NOT_FOUND, f"there is no window {window!r}", "use one of the windows listed")
        return _picture(request, asked.etag, lambda: pictures.grey(asked.frame, found))

    return router


def _picture(request: Request, etag: str, draw: Callable[[], bytes]) -> Response:
    """Answer with the picture, with nothing when the browser has it, or with the reason there is none."""
    headers = {"Cache-Control": KEEP, "ETag": etag}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    try:
        drawn = draw()
    except Missing:
        return _sorry(HTTPStatus.NOT_FOUND, "the node does not have this slice (any more)", "reload the study")
    except UndecodablePixels as problem:
        return _sorry(HTTPStatus.UNPROCESSABLE_ENTITY, str(problem), "open the scan in the PACS")
    return Response(drawn, media_type="image/png", headers=headers)


def _sorry(status: HTTPStatus, error: str, mend: str) -> Response:
    """Say no in JSON: the viewer writes the sentence where the picture would be."""
    return JSONResponse({"error": error, "mend": mend}, status)


def stack_answer(ports: WorklistPorts, pile: stacks.SeriesPile, stack: Stack) -> Json:
    """Return a series as the viewer scrolls it; a picture's address is base + name + file."""
    return {
        "study_instance_uid": pile.study_uid,
        "series_instance_uid": pile.series_uid,
        "description": pile.description,
        "state": pile.state,
        "stamp": stack.stamp,
        "threshold": stack.threshold,
        "start": stack.start,
        "keys": list(stack.keys),
        "base": picture_base(pile.study_uid, pile.series_uid),
        "windows": [
            {
                "name": one.name,
                "title": one.title,
                "centre": one.centre,
                "width": one.width,
                "file": f"/{one.name}.png?{edition_of(ports.slices, one)}",
            }
            for one in WINDOWS
        ],
        "slices": [_slice(at, one) for at, one in enumerate(stack.slices)],
    }


def picture_base(study_uid: str, series_uid: str) -> str:
    """Return what the addresses of a series' pictures begin with."""
    return f"/studies/{study_uid}/series/{series_uid}/slices/"


def score_words(one: ShownSlice) -> str:
    """Say what the reader thinks of a slice."""
    if one.score is None:
        return "not read"
    return f"{percent(one.score.probability)}, {'above' if one.score.positive else 'below'} the threshold"


def _slice(at: int, one: ShownSlice) -> Json:
    score = one.score
    return {
        "order": at + 1,
        "name": one.name,
        "sop_instance_uid": one.sop_uid,
        "frame": one.frame,
        "instance_number": one.instance_number,
        "place_mm": one.place_mm,
        "rows": one.rows,
        "columns": one.columns,
        "row_mm": one.row_mm,
        "column_mm": one.column_mm,
        "sides": list(one.sides),
        "probability": score.probability if score else None,
        "positive": score.positive if score else None,
        "key": one.key,
        "words": score_words(one),
        "heat": f"/heat-{one.heat}.png" if one.heat else None,
    }
