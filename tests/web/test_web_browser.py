"""Pages that JavaScript makes are rendered by a Chromium that reaches nothing by itself."""

from __future__ import annotations

import importlib.util
import shutil
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from research.documents.extract import extract
from research.errors import FetchRefused, InvalidInput, NeedsBrowser, PageUnreadable
from research.testing import WebServer
from research.testing.web_server import Served
from research.web.browser import NAMES, Browser, Load, Loaded, open_browser

pytestmark = pytest.mark.asyncio(loop_scope="module")
needs_chromium = pytest.mark.skipif(
    importlib.util.find_spec("playwright") is None or not any(map(shutil.which, NAMES)),
    reason="needs the `browser` extra and an installed Chromium",
)

APP = '<html><head><title>Lamps</title></head><body><div id="root"></div><script src="/app.js"></script></body></html>'
SCRIPT = """
fetch('/api/lamp.json').then((answer) => answer.json()).then((lamp) => {
  document.getElementById('root').innerHTML =
    `<h1>${lamp.name}</h1><table><tr><th>Price</th><td>${lamp.price}</td></tr><tr><th>Weight</th><td>${lamp.weight}</td></tr></table>`;
});
"""
LAMP = Served('{"name": "Lamp X", "price": "12.50 EUR", "weight": "815 g"}', media_type="application/json")
SITE = {"/": APP, "/app.js": Served(SCRIPT, media_type="text/javascript"), "/api/lamp.json": LAMP}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One for all tests, as for all pages of a run: a start takes two seconds of processor time."""
    async with open_browser(seconds=30.0) as opened:
        yield opened


def only(web: WebServer) -> Load:
    """Fetches from one server, and refuses every other."""

    async def load(url: str) -> Loaded:
        if not url.startswith(f"{web.url}/"):
            raise FetchRefused(f"{url}: not here")
        async with httpx.AsyncClient(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)) as client:
            answer = await client.get(url)
        return Loaded(answer.content, answer.status_code, answer.headers.get("content-type", ""))

    return load


@needs_chromium
async def test_a_page_made_of_json_by_a_script_is_rendered_and_read(browser: Browser) -> None:
    with WebServer(SITE) as web:
        with pytest.raises(NeedsBrowser):
            extract(APP.encode(), url=web.url)
        rendered = await browser.render(f"{web.url}/", only(web))
        assert [request.path for request in web.requests] == ["/", "/app.js", "/api/lamp.json"]
    text = extract(rendered.html.encode(), url=rendered.url, media_type="text/html; charset=utf-8").text
    assert "# Lamp X\n\nPrice: 12.50 EUR\nWeight: 815 g" in text


@needs_chromium
async def test_text_in_components_and_text_that_comes_late_is_read(browser: Browser) -> None:
    page = """<body><lamp-card></lamp-card><p id="late"></p><script>
      customElements.define('lamp-card', class extends HTMLElement {
        connectedCallback() { this.attachShadow({mode: 'open'}).innerHTML = '<p>In the shadow</p>'; } });
      setTimeout(() => { document.getElementById('late').textContent = 'Came late'; }, 200);
    </script></body>"""
    with WebServer({"/": page}) as web:
        html = (await browser.render(f"{web.url}/", only(web))).html
    assert "In the shadow</p>" in html
    assert "Came late</p>" in html


ATTEMPTS = """<body><div id="root">start</div><script>
const other = '%(other)s', say = (what) => { document.getElementById('root').append(' ' + what); };
const soon = () => new Promise((done, fail) => setTimeout(fail, 1500));
const tries = [
  () => fetch(other + '/fetch', {mode: 'no-cors'}),
  () => fetch(other + '/post', {method: 'POST', body: 'x', mode: 'no-cors'}),
  () => fetch('http://127.0.0.1:22/', {mode: 'no-cors'}),
  () => fetch('http://169.254.169.254/latest/meta-data/', {mode: 'no-cors'}),
  () => fetch('http://[::1]:%(port)d/six', {mode: 'no-cors'}),
  () => fetch('file://%(secret)s'),
  () => new Promise((done, fail) => { const it = new XMLHttpRequest(); it.onload = done; it.onerror = fail;
    it.open('GET', 'file://%(secret)s'); it.send(); }),
  () => new Promise((done, fail) => { const it = new WebSocket(other.replace('http', 'ws') + '/socket');
    it.onopen = done; it.onerror = fail; it.onclose = fail; }),
  () => new Promise((done, fail) => { const it = new EventSource(other + '/events'); it.onopen = done; it.onerror = fail; }),
  () => navigator.sendBeacon(other + '/beacon', 'x') ? Promise.reject() : Promise.reject(),
  () => new Promise((done, fail) => { const it = new Image(); it.onload = done; it.onerror = fail;
    it.src = other + '/image.png'; }),
  () => new Promise((done, fail) => { const it = document.createElement('iframe'); it.src = other + '/frame';
    document.body.append(it); setTimeout(fail, 300); }),
  () => new Promise((done, fail) => { const it = document.createElement('link'); it.rel = 'preconnect'; it.href = other;
    document.head.append(it); setTimeout(fail, 300); }),
  () => new Promise((done, fail) => { const it = document.createElement('script'); it.src = other + '/script.js';
    it.onload = done; it.onerror = fail; document.body.append(it); }),
  () => new Promise((done, fail) => { const code = `fetch('${other}/worker', {mode: 'no-cors'}).then(() => postMessage('in'),
      () => postMessage('out')); new WebSocket('${other.replace('http', 'ws')}/worker-socket');`;
    const it = new Worker(URL.createObjectURL(new Blob([code]))); it.onmessage = (e) => e.data === 'in' ? done() : fail();
    it.onerror = fail; }),
  () => navigator.serviceWorker.register('/worker.js').then((it) => it || Promise.reject()),
  () => { const it = new RTCPeerConnection({iceServers: [{urls: 'stun:127.0.0.1:%(port)d'}]}); it.createDataChannel('x');
    return it.createOffer().then((offer) => it.setLocalDescription(offer)).then(soon); },
  () => { const frame = document.createElement('iframe'); document.body.append(frame);
    const it = new frame.contentWindow.RTCPeerConnection({iceServers: [{urls: 'stun:127.0.0.1:%(port)d'}]});
    it.createDataChannel('x');
    return it.createOffer().then((offer) => it.setLocalDescription(offer)).then(soon); },
  () => { window.open(other + '/popup'); return Promise.reject(); },
];
const ticking = setInterval(() => say('.'), 100);
const attempted = (attempt) => {
  try { return Promise.race([attempt(), soon()]); } catch (error) { return Promise.reject(error); }
};
Promise.allSettled(tries.map(attempted)).then((ends) => {
  ends.forEach((end, place) => { if (end.status === 'fulfilled') say('REACHED-' + place); });
  clearInterval(ticking);
  say('done');
});
</script></body>"""


@needs_chromium
async def test_a_page_reaches_neither_private_addresses_nor_files_nor_other_ports_by_any_way(
    browser: Browser, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("TOP SECRET")
    with WebServer({"/": "reached"}) as inside, socket.socket(type=socket.SOCK_DGRAM) as stun:
        port = int(inside.url.rpartition(":")[2])
        stun.bind(("127.0.0.1", port))
        stun.setblocking(False)
        page = ATTEMPTS % {"other": inside.url, "port": port, "secret": secret}
        with WebServer({"/": page, "/worker.js": "1"}) as web:
            html = (await browser.render(f"{web.url}/", only(web))).html
            assert {request.path for request in web.requests} <= {"/", "/worker.js"}
        assert inside.requests == []
        with pytest.raises(BlockingIOError):
            stun.recv(2_000)
    root = html.partition('<div id="root">')[2].partition("</div>")[0]
    assert root.startswith("start")
    assert root.endswith(" done")
    assert "REACHED" not in root
    assert "TOP SECRET" not in html


@needs_chromium
async def test_what_is_not_to_be_had_is_told_as_the_fetcher_tells_it(browser: Browser) -> None:
    with WebServer({"/": "x"}) as web, pytest.raises(FetchRefused, match="not here"):
        await browser.render("http://other.example/", only(web))


@needs_chromium
async def test_a_redirect_is_not_followed_by_the_browser(browser: Browser) -> None:
    with WebServer({"/": "reached"}) as inside:
        web_pages = {
            "/": '<body><p>x</p><script>fetch("/go", {mode: "no-cors"})</script></body>',
            "/go": Served(status=302, headers={"location": f"{inside.url}/"}),
        }
        with WebServer(web_pages) as web:
            await browser.render(f"{web.url}/", only(web))
        assert inside.requests == []


@needs_chromium
async def test_a_page_that_never_rests_is_taken_as_it_stands_and_the_next_one_is_rendered() -> None:
    pages = {
        "/polls": "<body><p>Here</p><script>setInterval(() => fetch('/polls?' + Math.random()), 50)</script></body>",
        "/spins": "<body><p>Here</p><script>for (;;) {}</script></body>",
        "/quiet": "<body><p>Quiet</p></body>",
    }
    async with open_browser(seconds=3.0) as browser:
        with WebServer(pages) as web:
            assert "Here" in (await browser.render(f"{web.url}/polls", only(web))).html
            with pytest.raises(PageUnreadable):
                await browser.render(f"{web.url}/spins", only(web))
            assert "Quiet" in (await browser.render(f"{web.url}/quiet", only(web))).html


@needs_chromium
async def test_a_page_asks_for_no_more_than_the_limit(browser: Browser) -> None:
    page = "<body><script>for (let n = 0; n < 400; n++) fetch('/data?' + n)</script><p>Here</p></body>"
    with WebServer({"/": page, "/data": "x"}) as web:
        await browser.render(f"{web.url}/", only(web))
        assert len(web.requests) <= 150


@needs_chromium
async def test_pages_share_no_storage(browser: Browser) -> None:
    page = (
        "<body><p id=p></p><script>p.textContent = 'seen ' + localStorage.length; localStorage.setItem('a', 'b')</script></body>"
    )
    with WebServer({"/": page}) as web:
        for _ in range(2):
            assert "seen 0" in (await browser.render(f"{web.url}/", only(web))).html


async def test_a_missing_chromium_is_said_so(tmp_path: Path) -> None:
    pytest.importorskip("playwright")
    with pytest.raises(InvalidInput, match="needs Chromium"):
        async with open_browser(str(tmp_path / "chromium")):
            pass
