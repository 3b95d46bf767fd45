"""How the web role says no: one sentence and the mend, as JSON to programs and as a page to people."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from fastapi.templating import Jinja2Templates
from starlette.exceptions import HTTPException

MACHINE_PATHS = ("/api/", "/metrics", "/healthz", "/readyz")


class Refusal(Exception):
    """The request cannot be answered; says why and what to do instead."""

    def __init__(self, status: HTTPStatus, error: str, mend: str) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.mend = mend


def install(app: FastAPI, templates: Jinja2Templates) -> None:
    """Teach the app to say no in our words, whoever raised it."""

    def say(request: Request, refusal: Refusal) -> Response:
        if _for_people(request):
            if refusal.status is HTTPStatus.UNAUTHORIZED:
                return _to_login(request)
            page = {"refusal": refusal, "visitor": None}
            return templates.TemplateResponse(request, "refusal.html", page, status_code=refusal.status)
        headers = {"WWW-Authenticate": "Bearer"} if refusal.status is HTTPStatus.UNAUTHORIZED else None
        return JSONResponse({"error": refusal.error, "mend": refusal.mend}, refusal.status, headers)

    def refused(request: Request, problem: Exception) -> Response:
        assert isinstance(problem, Refusal)
        return say(request, problem)

    def invalid(request: Request, problem: Exception) -> Response:
        assert isinstance(problem, RequestValidationError)
        return say(request, _of_validation(problem))

    def http(request: Request, problem: Exception) -> Response:
        assert isinstance(problem, HTTPException)
        mend = (
            "/api/worklist, /api/studies/{uid} and /api/queue are where to look"
            if _machine(request)
            else "go back to the worklist"
        )
        return say(request, Refusal(HTTPStatus(problem.status_code), str(problem.detail), mend))

    app.add_exception_handler(Refusal, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)


def refuse_nul(request: Request) -> None:
    """Stop NUL characters at the rim: no text of ours holds one, and PostgreSQL takes none."""
    if "\0" in request.scope["path"] or b"%00" in request.scope["query_string"]:
        raise Refusal(HTTPStatus.BAD_REQUEST, "the address holds a NUL character", "leave it out")


def _machine(request: Request) -> bool:
    return request.url.path.startswith(MACHINE_PATHS)


def _for_people(request: Request) -> bool:
    return not _machine(request)


def _to_login(request: Request) -> Response:
    """Send a browser to the login; htmx follows its own header, a plain one the redirect."""
    if "hx-request" in request.headers:
        return Response(status_code=HTTPStatus.NO_CONTENT, headers={"HX-Redirect": "/login"})
    return RedirectResponse("/login", HTTPStatus.SEE_OTHER)


def _of_validation(problem: RequestValidationError) -> Refusal:
    first = problem.errors()[0]
    name = str(first["loc"][-1])
    return Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, f"{name}: {first['msg']}", f"correct {name} and ask again")
