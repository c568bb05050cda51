"""Renders pages that JavaScript makes, with an installed Chromium that can itself connect to nothing.

Every request of a page is answered by a function that the caller passes in: the fetcher's, with its guard, its politeness and its
limits. Chromium is started with a proxy that has no address and with no names, so that what slips past interception (a WebSocket,
a worker, WebRTC) reaches nothing either. The `browser` extra brings Playwright; Chromium is the machine's own.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from research.display.printable import printable_logger
from research.errors import FetchFailed, InvalidInput, PageUnreadable, ResearchError
from research.faults import first_line, shortened

if TYPE_CHECKING:
    from playwright.async_api import Browser as Chromium
    from playwright.async_api import BrowserContext, Page, Playwright, Request, Route

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
"""What an installed Chromium is called."""
MAX_REQUESTS: Final = 150
"""Of one page. Later ones are aborted."""
MAX_BYTES: Final = 40_000_000
"""Of all answers to one page."""
CLOSE_SECONDS: Final = 5.0
"""A page, or a browser, that takes longer to close is left behind and its process ended."""
SETTLED_SECONDS: Final = 0.3
"""The text of a page that did not grow for so long, while nothing is loaded, is complete."""

_KINDS: Final = frozenset({"document", "script", "stylesheet", "xhr", "fetch"})
"""What is loaded. Pictures, films, fonts, frames and pings say nothing in text."""
_ARGUMENTS: Final = (
    "--proxy-server=http://nowhere.invalid:9",
    "--proxy-bypass-list=<-loopback>",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",  # its name in older versions
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--disable-extensions",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-pings",
    "--no-first-run",
    "--dns-prefetch-disable",
    "--js-flags=--max-old-space-size=512",
)
_WITHOUT: Final = "for (const name of ['RTCPeerConnection', 'webkitRTCPeerConnection', 'WebTransport']) delete globalThis[name];"
_LENGTH: Final = "document.body ? document.body.innerText.length : 0"
_LOG: Final = printable_logger(__name__)


@dataclass(frozen=True, slots=True)
class Loaded:
    """An answer to one request of a page, after all redirects."""

    body: bytes
    status: int = 200
    media_type: str = ""
    """With its charset, as served."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A page as it stands after its scripts have run."""

    url: str
    """Where its scripts left it: they may have gone on to another address."""
    html: str


Load = Callable[[str], Awaitable[Loaded]]
"""Fetches an address for a page. Raises a ResearchError for one that may not be fetched or does not answer: the page's
own request then fails."""


class Browser:
    """One Chromium, started when the first page needs it, and again if it died. Made by `open_browser`."""

    def __init__(self, executable: str, *, pages: int, seconds: float) -> None:
        self._executable = executable
        self._places = asyncio.Semaphore(pages)
        self._seconds = seconds
        self._starting = asyncio.Lock()
        self._playwright: Playwright | None = None
        self._chromium: Chromium | None = None

    async def render(self, url: str, load: Load) -> Rendered:
        """A page after its scripts have run: when nothing is loaded any more and its text has stopped to grow; when the time is
        up, whatever stands there then.

        Args:
            url: its address; `load` is asked for it first.
            load: fetches for the page. Only GET requests for documents, scripts, styles and data are made.

        Raises:
            ResearchError: what `load` raises for the page itself.
            PageUnreadable: the page cannot be rendered.
            FetchFailed: Chromium died, or does not start.
        """
        async with self._places:
            chromium = await self._started()
            visit = _Visit(load)
            try:
                async with asyncio.timeout(self._seconds + CLOSE_SECONDS):
                    return await visit.of(chromium, url, self._seconds)
            except _playwright_error() as exc:
                if visit.refused is not None:
                    raise visit.refused from exc
                if not chromium.is_connected():
                    raise FetchFailed(f"{url}: Chromium died while it rendered this page.") from exc
                raise PageUnreadable(f"{url}: Chromium cannot render this page ({shortened(first_line(exc), 200)}).") from exc
            except TimeoutError as exc:
                raise PageUnreadable(f"{url}: this page keeps Chromium busy for more than {self._seconds:g} seconds.") from exc
            finally:
                await self._leave(chromium, visit)

    async def close(self) -> None:
        """End Chromium."""
        async with self._starting:
            if self._chromium is not None:
                await _in_time(self._chromium.close())
            if self._playwright is not None:
                await _in_time(self._playwright.stop())
            self._chromium = self._playwright = None

    async def _started(self) -> Chromium:
        from playwright.async_api import async_playwright

        async with self._starting:
            if self._chromium is not None and self._chromium.is_connected():
                return self._chromium
            is_root = hasattr(os, "geteuid") and os.geteuid() == 0
            if is_root:
                _LOG.warning("Chromium runs without its sandbox, because this process is root's. Run as another user to have it.")
            try:
                if self._playwright is None:
                    self._playwright = await async_playwright().start()
                self._chromium = await self._playwright.chromium.launch(
                    executable_path=self._executable,
                    headless=True,
                    chromium_sandbox=not is_root,
                    args=list(_ARGUMENTS),
                    # Nothing of ours: a key in the environment is none of a browser's business.
                    env={"PATH": os.defpath, "LANG": "C.UTF-8"},
                    handle_sigint=False,
                    handle_sigterm=False,
                    handle_sighup=False,
                )
            except _playwright_error() as exc:
                raise FetchFailed(f"{self._executable}: Chromium does not start ({shortened(first_line(exc), 200)}).") from exc
            return self._chromium

    async def _leave(self, chromium: Chromium, visit: _Visit) -> None:
        await asyncio.gather(*visit.closing)
        if visit.context is None or await _in_time(visit.context.close()):
            return
        # A page that cannot be closed would keep its process for ever.
        await _in_time(chromium.close())


@dataclass
class _Visit:  # Without slots: Playwright puts its own wrapper on the object of a bound method.
    """One page in a context of its own: it shares no cookie, cache or storage with another."""

    load: Load
    context: BrowserContext | None = None
    refused: ResearchError | None = None
    """Why the page itself could not be loaded."""
    requests: int = 0
    bytes: int = 0
    closing: set[asyncio.Task[bool]] = field(default_factory=set)
    """Pop-ups that are being closed."""

    async def of(self, chromium: Chromium, url: str, seconds: float) -> Rendered:
        until = time.monotonic() + seconds
        self.context = await chromium.new_context(
            service_workers="block", accept_downloads=False, bypass_csp=True, reduced_motion="reduce", locale="en-US"
        )
        await self.context.route("**/*", self._answer)
        await self.context.route_web_socket("**/*", lambda socket: socket.close())
        await self.context.add_init_script(_WITHOUT)
        page = await self.context.new_page()
        self.context.on("page", self._close_popup)
        await page.goto(url, wait_until="domcontentloaded", timeout=seconds * 1000)
        await _settle(page, until)
        return Rendered(page.url, f"<!DOCTYPE html>{await page.evaluate(_page_html())}")

    def _close_popup(self, popup: Page) -> None:
        closing = asyncio.create_task(_in_time(popup.close()))
        self.closing.add(closing)
        closing.add_done_callback(self.closing.discard)

    async def _answer(self, route: Route, request: Request) -> None:
        try:
            loaded = await self._loaded(request)
            if loaded is None:
                await route.abort("blockedbyclient")
            else:
                await route.fulfill(status=loaded.status, headers=_headers(loaded, request), body=loaded.body)
        except _playwright_error():
            return  # The page is gone meanwhile.

    async def _loaded(self, request: Request) -> Loaded | None:
        """What answers a request; None if nothing does."""
        is_page = request.is_navigation_request() and request.frame.parent_frame is None
        wanted = request.method == "GET" and request.resource_type in _KINDS and request.url.startswith(("http://", "https://"))
        if not wanted or (request.is_navigation_request() and not is_page):
            return None
        self.requests += 1
        if self.requests > MAX_REQUESTS or self.bytes > MAX_BYTES:
            return None
        try:
            loaded = await self.load(request.url)
        except ResearchError as error:
            if is_page:
                self.refused = error
            return None
        self.bytes += len(loaded.body)
        # A redirect would be followed past us.
        return None if 300 <= loaded.status < 400 else loaded


@asynccontextmanager
async def open_browser(executable: str | None = None, *, pages: int = 2, seconds: float = 45.0) -> AsyncIterator[Browser]:
    """A browser for one event loop. Chromium starts with the first page and ends with the context.

    Args:
        executable: path of a Chromium. None: the first of `NAMES` that is installed.
        pages: how many are rendered at once; more wait.
        seconds: how long one page may take.

    Raises:
        InvalidInput: Playwright or Chromium is not installed.
    """
    try:
        import playwright.async_api  # noqa: F401
    except ImportError as exc:
        raise InvalidInput("Rendering pages needs Playwright: pip install 'research-flows[browser]'.") from exc
    found = shutil.which(executable) if executable else next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        where = f"at {executable!r}" if executable else f"under any of the names {', '.join(NAMES)}"
        raise InvalidInput(f"Rendering pages needs Chromium, and there is none {where}. On Debian: apt-get install chromium.")
    browser = Browser(found, pages=pages, seconds=seconds)
    try:
        yield browser
    finally:
        await browser.close()


async def _settle(page: Page, until: float) -> None:
    """Wait until nothing is loaded and the text stays as long as it is; at most until a moment of the clock."""
    with suppress(_playwright_error()):  # Time is up: what stands there is taken.
        await page.wait_for_load_state("networkidle", timeout=max(1.0, (until - time.monotonic()) * 1000))
        before = -1
        while time.monotonic() < until and (length := await page.evaluate(_LENGTH)) != before:
            before = length
            await asyncio.sleep(SETTLED_SECONDS)


def _headers(loaded: Loaded, request: Request) -> dict[str, str]:
    """Nothing of the server's own but what its answer is: no cookie, no redirect, no policy. The page may read it wherever it is
    from: there is no login in this browser that another site could be robbed of."""
    origin = request.headers.get("origin", "*")
    shared = {"access-control-allow-origin": origin} | ({"access-control-allow-credentials": "true"} if origin != "*" else {})
    return ({"content-type": loaded.media_type} if loaded.media_type else {}) | shared


async def _in_time(closing: Awaitable[None]) -> bool:
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await closing
    except (TimeoutError, _playwright_error()):
        return False
    return True


def _playwright_error() -> type[Exception]:
    from playwright.async_api import Error

    return Error


@lru_cache(maxsize=1)
def _page_html() -> str:
    return files("research.web").joinpath("page_html.js").read_text("utf-8")
