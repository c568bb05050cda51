"""An HTTP/1.1 server on loopback, in a thread of its own, that can also fail on purpose: reset, cut, drip, never end."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self
from urllib.parse import parse_qsl, urlsplit

import h11

Ending = Literal["whole", "cut", "reset", "silence"]
"""How an answer ends. `cut`: the connection closes after a part of the body. `reset`: before a byte. `silence`: never answers."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request, whole. Header names are lower case. `target` is path and query as sent. `arrived` is `time.monotonic()` seconds
    at its last byte.
    """

    method: str
    target: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    arrived: float


@dataclass(frozen=True, slots=True)
class HttpReply:
    """What to answer, and how to deliver it. `delay` and `pause` are seconds.

    A body of bytes goes with its content-length. Pieces go chunked, with a `pause` before each piece but the first; they may have
    no end (`itertools.repeat(b"…")`), and are only made as fast as the client takes them. `raw` is sent byte for byte in place of
    all this, and then the connection closes: for answers that are not HTTP, or that lie.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Iterable[bytes] = b""
    delay: float = 0.0
    pause: float = 0.0
    ending: Ending = "whole"
    raw: bytes | None = None


class LoopbackServer:
    """Serves `handle` on 127.0.0.1 while it is entered (`with` or `async with`). Its loop runs in a thread of its own.

    A bug in a handler is answered with a 500 that the SDK does not retry, kept in `bugs`, and raised again on leaving.
    """

    def __init__(self, *, port: int = 0) -> None:
        self._asked_port = port
        self._port: int | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self.connections: set[_Connection] = set()
        self.bugs: list[Exception] = []

    async def handle(self, request: HttpRequest) -> HttpReply:
        """Answer one request. Runs on the server's loop."""
        raise NotImplementedError

    @property
    def url(self) -> str:
        """`http://127.0.0.1:<port>`, without a slash at the end."""
        if self._port is None:
            raise RuntimeError("the server is not running: enter it first (`with ModelServer(...) as server:`)")
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> Self:
        if self._thread is not None:
            raise RuntimeError("the server is running already")
        ready: Future[int] = Future()
        self._thread = threading.Thread(target=self._run, args=(ready,), name=type(self).__name__, daemon=True)
        self._thread.start()
        try:
            self._port = ready.result(timeout=30)
        except BaseException:
            self._thread = None
            raise
        return self

    def stop(self) -> None:
        """Close every connection and end the thread. Harmless on a server that is not running."""
        thread, self._thread, self._port = self._thread, None, None
        if thread is None:
            return
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        thread.join(timeout=30)

    def _run(self, ready: Future[int]) -> None:
        try:
            asyncio.run(self._serve(ready))
        except BaseException as error:
            if not ready.done():
                ready.set_exception(error)
            else:
                raise

    async def _serve(self, ready: Future[int]) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        listener = await self._loop.create_server(lambda: _Connection(self), "127.0.0.1", self._asked_port, backlog=4096)
        ready.set_result(int(listener.sockets[0].getsockname()[1]))
        await self._stop.wait()
        listener.close()
        for connection in tuple(self.connections):
            connection.abort()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
        if self.bugs and error is None:
            raise self.bugs[0]

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await asyncio.to_thread(self.stop)
        if self.bugs and error is None:
            raise self.bugs[0]


class _Connection(asyncio.Protocol):
    """One client's connection: requests in, one after the other; answers out."""

    def __init__(self, server: LoopbackServer) -> None:
        self._server = server
        self._http = h11.Connection(h11.SERVER)
        self._head: h11.Request | None = None
        self._body = bytearray()
        self._answering: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - create_server makes no other
        self._transport = transport
        self._server.connections.add(self)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.discard(self)
        self._writable.set()
        if self._answering is not None:
            self._answering.cancel()

    def data_received(self, data: bytes) -> None:
        self._http.receive_data(data)
        self._advance()

    def abort(self) -> None:
        self._transport.abort()

    def _advance(self) -> None:
        while True:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError:
                self._transport.close()
                return
            if isinstance(event, h11.Request):
                self._head, self._body = event, bytearray()
                if self._http.they_are_waiting_for_100_continue:
                    self._transport.write(self._http.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
            elif isinstance(event, h11.Data):
                self._body += event.data
            elif isinstance(event, h11.EndOfMessage):
                self._answering = asyncio.get_running_loop().create_task(self._answer(self._request()))
            elif isinstance(event, h11.ConnectionClosed):
                self._transport.close()
                return
            else:  # NEED_DATA or PAUSED
                return

    def _request(self) -> HttpRequest:
        assert self._head is not None  # noqa: S101 - h11 gives no end before its head
        target = urlsplit(self._head.target.decode("ascii"))
        headers = {name.decode("ascii"): value.decode("latin-1") for name, value in self._head.headers}
        return HttpRequest(
            method=self._head.method.decode("ascii"),
            target=self._head.target.decode("ascii"),
            path=target.path,
            query=dict(parse_qsl(target.query)),
            headers=headers,
            body=bytes(self._body),
            arrived=time.monotonic(),
        )

    async def _answer(self, request: HttpRequest) -> None:
        try:
            reply = await self._server.handle(request)
        except Exception as bug:  # noqa: BLE001 - it is not swallowed: leaving the server raises it
            self._server.bugs.append(bug)
            words = f"the server's rule failed: {type(bug).__name__}: {bug}"
            reply = HttpReply(500, {"content-type": "text/plain; charset=utf-8", "x-should-retry": "false"}, words.encode())
        await self._deliver(reply)
        if self._transport.is_closing():
            return
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            self._advance()
        else:
            self._transport.close()

    async def _deliver(self, reply: HttpReply) -> None:
        if reply.delay > 0:
            await asyncio.sleep(reply.delay)
        if reply.ending == "silence":
            await asyncio.Event().wait()
        elif reply.ending == "reset":
            self._reset()
        elif reply.raw is not None:
            self._transport.write(reply.raw)
            self._transport.close()
        elif isinstance(reply.body, bytes):
            self._send_whole(reply, reply.body)
        else:
            await self._send_pieces(reply, reply.body)

    def _send_whole(self, reply: HttpReply, body: bytes) -> None:
        sent = body[: len(body) // 2] if reply.ending == "cut" else body
        if self._bodiless(reply):
            sent = b""
        head = self._http.send(self._head_of(reply, "content-length", str(len(body)))) or b""
        data = (self._http.send(h11.Data(data=sent)) or b"") if sent else b""
        if reply.ending == "cut":
            self._transport.write(head + data)
            self._transport.close()
        else:
            self._transport.write(head + data + (self._http.send(h11.EndOfMessage()) or b""))

    async def _send_pieces(self, reply: HttpReply, pieces: Iterable[bytes]) -> None:
        self._transport.write(self._http.send(self._head_of(reply, "transfer-encoding", "chunked")) or b"")
        if self._bodiless(reply):
            pieces = ()
        if reply.ending == "cut":
            whole = tuple(pieces)
            pieces = whole[: max(1, len(whole) // 2)]
        for index, piece in enumerate(pieces):
            if index and reply.pause > 0:
                await asyncio.sleep(reply.pause)
            await self._writable.wait()
            if self._transport.is_closing():
                return
            self._transport.write(self._http.send(h11.Data(data=piece)) or b"")
        if reply.ending == "cut":
            self._transport.close()
        else:
            self._transport.write(self._http.send(h11.EndOfMessage()) or b"")

    def _bodiless(self, reply: HttpReply) -> bool:
        """Answers that have headers only, whatever body they speak of."""
        return reply.status in (204, 304) or (self._head is not None and self._head.method == b"HEAD")

    @staticmethod
    def _head_of(reply: HttpReply, framing: str, value: str) -> h11.Response:
        return h11.Response(status_code=reply.status, headers=[*reply.headers.items(), (framing, value)])

    def _reset(self) -> None:
        """Close so that the client sees a reset, not an orderly end: linger of zero seconds, then close."""
        plug: socket.socket | None = self._transport.get_extra_info("socket")
        if plug is not None:
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()
