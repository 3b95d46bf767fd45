"""Secondary Captures as PNG, for the study page; made from the stored file, cached by its hash."""

from __future__ import annotations

import io
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path

import pydicom
from fastapi import APIRouter, Depends, Response
from PIL import Image
from pydicom.pixels.processing import convert_color_space

from service.ledger.case import picture_of
from service.worklist.door import reader_door
from service.worklist.ports import WorklistPorts
from service.worklist.refusal import Refusal


@lru_cache(maxsize=64)
def png_of(path: Path) -> bytes:
    """Return the picture; the path is named by its content, so that a cached one is never stale."""
    data = pydicom.dcmread(path)
    pixels = data.pixel_array
    if data.PhotometricInterpretation.startswith("YBR"):
        pixels = convert_color_space(pixels, data.PhotometricInterpretation, "RGB")
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=4)
    return out.getvalue()


def pictures_router(ports: WorklistPorts) -> APIRouter:
    """Return the route of the result pictures."""
    router = APIRouter()

    @router.get("/pictures/{sop_uid}.png", dependencies=[Depends(reader_door(ports))])
    def picture(sop_uid: str) -> Response:
        content = picture_of(ports.ledger, sop_uid)
        if content is None or not ports.store.has(content):
            raise Refusal(HTTPStatus.NOT_FOUND, "there is no such picture", "reload the study; it may have been purged")
        return Response(
            png_of(ports.store.path(content)),
            media_type="image/png",
            headers={"Cache-Control": "private, max-age=3600", "ETag": f'"{content}"'},
        )

    return router
