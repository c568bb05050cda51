"""Pages that JavaScript makes are told from pages that are short."""

from __future__ import annotations

import json

import pytest

from research.documents.extract import extract
from research.errors import NeedsBrowser, PageUnreadable

URL = "https://www.example.org/app"
BUNDLE = '<script defer src="/static/js/main.5f3c.js"></script>'
STYLES = '<link href="/static/css/main.css" rel="stylesheet"><meta name="viewport" content="width=device-width">'


def page(body: str, head: str = "", title: str = "Shop") -> str:
    return f"<!doctype html><html><head><title>{title}</title>{head}</head><body>{body}</body></html>"


SHELLS = {
    "create-react-app": page(
        '<noscript>You need to enable JavaScript to run this app.</noscript><div id="root"></div>',
        f'<meta name="description" content="Web site created using create-react-app">{STYLES}{BUNDLE}',
    ),
    "vite-react": page('<div id="root"></div><script type="module" src="/src/main.tsx"></script>'),
    "vue-cli": page(
        "<noscript><strong>We're sorry but crm doesn't work properly without JavaScript enabled. Please enable it to continue."
        f"</strong></noscript><div id=app></div>{BUNDLE}"
    ),
    "vite-vue-loading": page(f'<div id="app"><div class="loader">Loading…</div></div>{BUNDLE}'),
    "angular": page('<app-root></app-root><script src="main.js" type="module"></script>', '<base href="/">'),
    "angular-loading": page(f'<app-root><div class="spinner">Please wait</div></app-root>{BUNDLE}'),
    "angularjs": page(f"<div ui-view></div>{BUNDLE}").replace("<html>", '<html ng-app="shop">'),
    "next-client-only": page(
        '<div id="__next"></div><script id="__NEXT_DATA__" type="application/json">{"props":{"pageProps":{}},"page":"/dash",'
        '"query":{},"buildId":"aXb93kd","nextExport":true,"autoExport":true,"isFallback":false,"scriptLoader":[]}</script>',
        '<script src="/_next/static/chunks/main.js" defer></script>',
    ),
    "nuxt-spa": page(
        '<div id="__nuxt"><style>.spinner{}</style><div class="spinner"></div></div>'
        '<script>window.__NUXT__={config:{app:{baseURL:"/"}}}</script><script src="/_nuxt/entry.js" defer></script>'
    ),
    "gatsby": page(
        '<noscript id="gatsby-noscript">This app works best with JavaScript enabled.</noscript>'
        '<div id="___gatsby"><div id="gatsby-focus-wrapper"></div></div><script src="/app-1.js" async></script>'
    ),
    "ember": page(
        '<script src="/assets/vendor.js"></script><div id="ember-basic-dropdown-wormhole"></div>',
        '<meta name="frontend/config/environment" content="%7B%22a%22%3A1%7D">',
    ),
    "svelte": page(
        '<div style="display: contents"><script>{ import("/_app/immutable/entry/start.js") }</script></div>',
    ),
    "flutter": page('<script src="flutter_bootstrap.js" async></script>'),
    "plain-loader": page('<div class="spinner"></div><script>fetch("/api").then(draw)</script>'),
    "asks-in-the-page": page(f"<h1>JavaScript is disabled</h1><p>This site requires JavaScript. Please turn it on.</p>{BUNDLE}"),
    "shell-with-menu": page(
        '<header><nav><a href="/a">Products</a> <a href="/b">About us</a></nav></header><main id="app"></main>'
        f"<footer>© 2024 Example Inc. All rights reserved.</footer>{BUNDLE}"
    ),
    "german": page(
        f'<noscript>Bitte aktivieren Sie JavaScript, um diese Seite zu nutzen.</noscript><div id="mount"></div>{BUNDLE}'
    ),
    "japanese": page(f'<noscript>JavaScriptを有効にしてください。</noscript><div class="x"></div>{BUNDLE}'),
    "site-data-only": page(
        f'<div id="root"></div>{BUNDLE}',
        '<script type="application/ld+json">'
        + json.dumps({"@type": "WebSite", "name": "Example", "description": "A shop for lamps. " * 20})
        + "</script>",
    ),
}


@pytest.mark.parametrize("name", SHELLS)
def test_the_shell_of_an_app_needs_a_browser_and_says_so(name: str) -> None:
    with pytest.raises(NeedsBrowser, match=r"JavaScript makes this page.*`browser` extra") as caught:
        extract(SHELLS[name].encode(), url=URL, media_type="text/html")
    assert URL in str(caught.value)
    assert isinstance(caught.value, PageUnreadable)


READ = {
    "short-page": ("<html><body><h1>Closed</h1><p>We are on holiday until 3 May.</p></body></html>", "until 3 May"),
    "short-page-with-analytics": (
        page("<p>We are on holiday until 3 May.</p><script async src='https://a.example/tag.js'></script>"),
        "until 3 May",
    ),
    "short-page-of-an-app": (
        page(f'<div id="root"><main><p>Your balance is 12.50 EUR as of today. Have a nice day.</p></main></div>{BUNDLE}'),
        "12.50 EUR",
    ),
    "very-short-page": ("<html><body>OK</body></html>", "OK"),
    "one-number-and-a-counter": ("<html><body><a href='/'>42</a><script src='/count.js'></script></body></html>", "42"),
    "about-javascript": (
        "<html><body><h1>How to enable JavaScript</h1><p>Open the settings and enable JavaScript.</p></body></html>",
        "Open the settings",
    ),
    "rendered-next": (
        page(
            f'<div id="__next"><h1>Lamp</h1><p>{"A lamp with a long description. " * 20}</p></div>'
            '<script id="__NEXT_DATA__" type="application/json">{"props":{}}</script><noscript>Enable JavaScript</noscript>'
        ),
        "A lamp with",
    ),
    "json-ld-carries-the-facts": (
        '<html><head><script type="application/ld+json">'
        + json.dumps({"@type": "Product", "name": "Lamp X", "description": "A lamp. " * 40, "offers": {"price": 12.5}})
        + f'</script></head><body><div id="root"></div>{BUNDLE}</body></html>',
        "Product.offers.price: 12.5",
    ),
    "next-data-carries-the-facts": (
        '<html><body><div id="__next"></div><script id="__NEXT_DATA__" type="application/json">'
        + json.dumps(
            {
                "props": {
                    "pageProps": {"product": {"name": "Lamp X", "price": 12.5, "text": "A lamp that lights a whole room. " * 4}}
                },
                "buildId": "abc",
            }
        )
        + f"</script>{BUNDLE}</body></html>",
        "product.price: 12.5",
    ),
    "initial-state-carries-the-facts": (
        '<html><body><div id="app"></div><script>window.__INITIAL_STATE__ = {"item":{"title":"Lamp X","text":"'
        + "A lamp that lights a whole room. " * 4
        + f'"}},"config":{{"key":"do not show this setting"}}}};(function(){{}})()</script>{BUNDLE}</body></html>',
        "item.title: Lamp X",
    ),
}


@pytest.mark.parametrize("name", READ)
def test_a_page_that_says_something_without_javascript_is_read(name: str) -> None:
    written, fact = READ[name]
    text = extract(written.encode(), url=URL, media_type="text/html").text
    assert fact in text
    assert "do not show" not in text


def test_data_for_scripts_are_left_out_where_the_page_itself_speaks() -> None:
    written, _ = READ["next-data-carries-the-facts"]
    written = written.replace('<div id="__next"></div>', f'<div id="__next"><p>{"A lamp lights a room. " * 20}</p></div>')
    assert "product.price" not in extract(written.encode(), url=URL, media_type="text/html").text
