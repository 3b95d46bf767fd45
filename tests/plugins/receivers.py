"""Those who are told: an HL7 engine, a web server and a mail server on loopback, each doing what a test asks for."""

from __future__ import annotations

import asyncio
import ssl
import threading
from asyncio import IncompleteReadError
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import hl7
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP
from hl7.mllp import start_hl7_server

LOOPBACK = "127.0.0.1"
START_SECONDS = 10.0
#: of the loop, until whoever was let in last stands before somebody who can see them out
TURNS = 10


@dataclass
class Engine:
    """An HL7 engine; it takes one behaviour after another from ``script``, and the last one for ever."""

    script: list[str] = field(default_factory=lambda: ["AA"])
    got: list[hl7.Message] = field(default_factory=list)
    port: int = 0

    async def serve(self, reader: Any, writer: Any) -> None:
        try:
            await self.answer(reader, writer)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def answer(self, reader: Any, writer: Any) -> None:
        with suppress(IncompleteReadError):
            message = await reader.readmessage()
            behaviour = self.script.pop(0) if len(self.script) > 1 else self.script[0]
            self.got.append(message)
            if behaviour == "silence":
                await reader.read(1)
            elif behaviour == "garbage":
                writer.write(b"\x0bHTTP/1.1 400 Bad Request\x1c\r")
            elif behaviour == "stranger":
                other = hl7.parse(str(message))
                other.assign_field("ANOTHER", "MSH", 1, 10)
                writer.writemessage(other.create_ack("AA"))
            elif behaviour != "hang up":
                writer.writemessage(message.create_ack(behaviour))
            with suppress(ConnectionError):
                await writer.drain()


@contextmanager
def hl7_engine(*script: str, port: int = 0) -> Iterator[Engine]:
    """Run an engine built with python-hl7's own MLLP server."""
    engine = Engine(script=list(script) or ["AA"])
    loop, ready = asyncio.new_event_loop(), threading.Event()

    async def begin() -> Any:
        server = await start_hl7_server(engine.serve, LOOPBACK, port, encoding="utf-8")
        engine.port = server.sockets[0].getsockname()[1]
        ready.set()
        return server

    async def end() -> None:
        server.close()
        for _ in range(TURNS):
            await asyncio.sleep(0)
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    thread = threading.Thread(target=loop.run_forever, name="hl7 engine")
    thread.start()
    server = asyncio.run_coroutine_threadsafe(begin(), loop).result(START_SECONDS)
    assert ready.wait(START_SECONDS)
    try:
        yield engine
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result(START_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@dataclass(frozen=True)
class Posted:
    """One request that came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Answer = int | tuple[int, dict[str, str]]


@dataclass
class WebServer:
    """A web server; ``answer`` decides about each request, ``hang`` lets it never answer."""

    answer: Callable[[Posted], Answer]
    hang: threading.Event = field(default_factory=threading.Event)
    hung: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    end: threading.Event = field(default_factory=threading.Event)
    got: list[Posted] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        posted = Posted(handler.command, handler.path, headers, body)
        self.got.append(posted)
        if self.hang.is_set():
            self.hung.release()
            self.end.wait()
            return
        answer = self.answer(posted)
        status, more = answer if isinstance(answer, tuple) else (answer, {})
        handler.send_response(status)
        for name, value in more.items():
            handler.send_header(name, value)
        handler.end_headers()


def answers(*statuses: Answer) -> Callable[[Posted], Answer]:
    """Answer one status after another, and the last one for ever."""
    left = list(statuses)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


@contextmanager
def web_server(
    answer: Callable[[Posted], Answer] | None = None, port: int = 0, tls: ssl.SSLContext | None = None
) -> Iterator[WebServer]:
    """Run a web server."""
    made = WebServer(answer or answers(204))

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            made.take(self)

        do_POST = do_GET = do_HEAD = handle_any

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((LOOPBACK, port), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    made.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, name="web server")
    thread.start()
    try:
        yield made
    finally:
        made.end.set()
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class MailServer:
    """A mail server; it takes one reply after another from ``script``, and the last one for ever."""

    script: list[str] = field(default_factory=lambda: ["250 taken"])
    got: list[tuple[str, list[str], EmailMessage]] = field(default_factory=list)
    refused: frozenset[str] = frozenset()
    port: int = 0

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address in self.refused:
            return "550 nobody here"
        envelope.rcpt_tos.append(address)
        return "250 known"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        message = BytesParser(policy=default).parsebytes(envelope.content)
        assert isinstance(message, EmailMessage)
        self.got.append((envelope.mail_from, list(envelope.rcpt_tos), message))
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]


class _OwnSmtp(Controller):
    """aiosmtpd in a thread, on a port the system chooses."""

    def __init__(self, handler: Any, **more: Any) -> None:
        super().__init__(handler, hostname=LOOPBACK, port=0)
        self._more = more

    def factory(self) -> SMTP:
        return SMTP(self.handler, hostname="mail.test", **self._more)

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def mail_server(*script: str, refused: Sequence[str] = (), **more: Any) -> Iterator[MailServer]:
    """Run a mail server; ``more`` goes to aiosmtpd's SMTP."""
    made = MailServer(script=list(script) or ["250 taken"], refused=frozenset(refused))
    controller = _OwnSmtp(made, **more)
    controller.start()
    made.port = controller.port
    try:
        yield made
    finally:
        controller.stop()
