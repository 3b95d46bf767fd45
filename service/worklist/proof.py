"""/api/undelivered: flagged, but not yet proven delivered."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from service.worklist.answers import Json, undelivered_row
from service.worklist.door import reader_door
from service.worklist.health import MOST_UNDELIVERED, take_undelivered
from service.worklist.ports import WorklistPorts


def proof_router(ports: WorklistPorts) -> APIRouter:
    """Return the route; the oldest comes first."""
    router = APIRouter(prefix="/api")

    @router.get("/undelivered", dependencies=[Depends(reader_door(ports))])
    def undelivered(limit: Annotated[int, Query(ge=1, le=MOST_UNDELIVERED)] = MOST_UNDELIVERED) -> Json:
        now = ports.clock()
        return {"undelivered": [undelivered_row(one, now) for one in take_undelivered(ports, limit)]}

    return router
