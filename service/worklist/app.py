"""The web application, assembled from its routers."""

from __future__ import annotations

from pathlib import Path

from fastapi import Depends, FastAPI
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates

from service.worklist import refusal
from service.worklist.api import api_router
from service.worklist.headers import SecureHeaders
from service.worklist.health import add_health
from service.worklist.login import login_router
from service.worklist.metrics import metrics_router
from service.worklist.pages import pages_router
from service.worklist.pictures import pictures_router
from service.worklist.ports import WorklistPorts
from service.worklist.proof import proof_router
from service.worklist.slices import slices_router
from service.worklist.words import DISCLAIMER

HERE = Path(__file__).parent


def create_app(ports: WorklistPorts) -> FastAPI:
    """Build the app; it works without internet, hence no interactive API pages."""
    app = FastAPI(
        title="Ichor", docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(refusal.refuse_nul)]
    )
    templates = Jinja2Templates(HERE / "templates")
    templates.env.trim_blocks = templates.env.lstrip_blocks = True
    templates.env.globals |= {"disclaimer": DISCLAIMER, "version": ports.version}
    refusal.install(app, templates)
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    add_health(app, ports)
    for router in (api_router(ports), proof_router(ports), metrics_router(ports)):
        app.include_router(router)
    for router in (pictures_router(ports), slices_router(ports)):
        app.include_router(router)
    for router in (login_router(ports, templates), pages_router(ports, templates)):
        app.include_router(router, include_in_schema=False)
    app.add_middleware(SecureHeaders)
    return app
