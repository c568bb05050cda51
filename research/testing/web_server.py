"""A small web on loopback: scripted pages with their status, headers, pace and faults, for testing what fetches.

pages = {"/": "<h1>Hello</h1>", "/old": redirect("/"), "/slow": Served("…", drip=0.1), "/twice": [Served(status=503), "at last"]}
with WebServer(pages) as web:
    httpx.get(f"{web.url}/old", follow_redirects=True)
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle

from research.testing.loopback import Ending, HttpReply, HttpRequest, LoopbackServer

_HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Served:
    """What a path answers. `delay` and `drip` are seconds: before the first byte, and before each further piece of `piece` bytes.

    `etag` gives the body's own hash as its ETag, and 304 to who has it already. `ending` cuts, resets or never answers. `endless`
    sends the body again and again, without end. `raw` is sent byte for byte in place of an answer, and then the connection
    closes: what is not HTTP, a `content-length` that lies, a flood of headers.
    """

    body: str | bytes = b""
    status: int = 200
    media_type: str = _HTML
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    drip: float = 0.0
    piece: int = 1024
    gzip: bool = False
    etag: bool = False
    ending: Ending = "whole"
    endless: bool = False
    raw: bytes | None = None


Page = str | bytes | Served | Callable[[HttpRequest], "str | bytes | Served"]
"""A body, an answer, or a function of the request."""


def redirect(to: str, status: int = 302) -> Served:
    """An answer that sends the client on; `to` may be a path or a URL, or whatever a hostile site would send."""
    return Served(status=status, headers={"location": to})


class WebServer(LoopbackServer):
    """Serves `pages` by path, as given with their query string or without it; 404 for others.

    A list is a script: one answer after the other, the last one for ever. `requests` are all requests, in order of arrival.
    """

    def __init__(self, pages: Mapping[str, Page | Sequence[Page]], *, port: int = 0) -> None:
        super().__init__(port=port)
        self._pages = {
            path: list(page) if isinstance(page, Sequence) and not isinstance(page, str | bytes) else [page]
            for path, page in pages.items()
        }
        self.requests: list[HttpRequest] = []
        if empty := [path for path, script in self._pages.items() if not script]:
            raise ValueError(f"{empty[0]}: a script needs at least one answer")

    async def handle(self, request: HttpRequest) -> HttpReply:
        self.requests.append(request)
        script = self._pages.get(request.target) or self._pages.get(request.path)
        if script is None:
            return _reply(Served(f"<h1>404</h1><p>No page at {request.path}</p>", 404), request)
        page = script.pop(0) if len(script) > 1 else script[0]
        answer = page(request) if callable(page) else page
        return _reply(answer if isinstance(answer, Served) else Served(answer), request)


def _reply(served: Served, request: HttpRequest) -> HttpReply:
    body = served.body.encode() if isinstance(served.body, str) else served.body
    headers = {"content-type": served.media_type, **served.headers}
    status = served.status
    if served.etag:
        headers["etag"] = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        if headers["etag"] in request.headers.get("if-none-match", ""):
            status, body = 304, b""
    if served.gzip and status != 304:
        body = gzip.compress(body, mtime=0)
        headers["content-encoding"] = "gzip"
    sent: bytes | Iterable[bytes] = body
    if served.drip or served.endless:
        pieces = tuple(body[start : start + served.piece] for start in range(0, len(body), served.piece))
        sent = cycle(pieces) if served.endless else pieces
    return HttpReply(status, headers, sent, delay=served.delay, pause=served.drip, ending=served.ending, raw=served.raw)
