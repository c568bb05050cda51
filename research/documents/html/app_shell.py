"""Pages that JavaScript makes, recognised by what is left without it; and the data that such a page carries for its scripts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from lxml.html import HtmlElement

from research.documents.blocks import clean
from research.documents.html.page_data import flatten

THIN: Final = 250
"""Characters. A page that shows more is read as it is."""
BARE: Final = 40
"""Characters. `Loading…` is no longer, in any words."""
ENOUGH: Final = 80
"""Characters of text in a page's data for its scripts: with less of it there is nothing but settings."""
MAX_STATE: Final = 4_000_000
"""Characters of a script that holds data."""
MAX_LINES: Final = 400
MAX_CHARACTERS: Final = 30_000

Json = Any

_ROOTS: Final = re.compile(
    r"root|app|__next|__nuxt|___gatsby|__docusaurus|gatsby-focus-wrapper|app-?root|react-?root|react-?app|app-?mount|mount|"
    r"vue-?app|q-app|svelte|ember\d*|ember-application|single-spa-application.*|micro-?frontend|main-?app|application|"
    r"app-?(?:container|wrapper|shell|main)|webapp|spa|flutter.*|blazor.*|elm|__layout|__remix.*|_R_|site-?root",
    re.I,
)
_ROOT_TAGS: Final = frozenset({"app-root", "my-app", "app", "flt-glass-pane", "flutter-view", "ion-app", "app-shell", "main-app"})
_ASKS: Final = re.compile(
    r"(?:enable|activat|turn on|switch on|requires?|need|without|no|aktivier|aktiver|activer|active|habilit|attiv|abilit|"
    r"inschakel|włącz|включит|etkinleştir|disabled|support)[^.!?]{0,60}\bjava\s?script|"
    r"\bjava\s?script[^.!?]{0,60}(?:enabl|disabl|requir|needed|turned|activ|aktiv|habilit|désactiv|deaktiv|attiv|erforderlich|"
    r"必要|启用|启動|啟用|有効|включ|off)|(?:启用|啟用|有効|開啟).{0,10}java\s?script|java\s?script.{0,20}(?:有効|を有効|启用|啟用)",
    re.I,
)
_WAITING: Final = re.compile(
    r"\W*(?:\w+ )?(?:(?:is |now )?loading|please wait|one moment|just a moment|initiali[sz]ing|starting|redirecting|chargement|"
    r"wird geladen|laden|lädt|bitte warten|cargando|carregando|caricamento|загрузка|加载|読み込み|로딩)",
    re.I,
)
_STATE_NAMES: Final = re.compile(
    r"(?:window|self|globalThis)\s*(?:\.|\[\s*[\"'])\s*(?:__)?(?:INITIAL|PRELOADED|APOLLO|REDUX|PAGE|SERVER|NUXT|NEXT|APP|SSR|PRELOAD|"
    r"STORE|BOOTSTRAP)\w*(?:[\"']\s*\])?\s*=\s*(?=[{\[])",
    re.I,
)
_SETTINGS: Final = re.compile(
    r"_?_?(?:nexti18next\w*|i18n\w*|translations?|locales?|messages|config\w*|settings|env\w*|runtimeconfig|features?|flags|featureflags|"
    r"experiments|abtests|buildid|assetprefix|query|namespacesrequired|analytics|tracking|session|csrf\w*|routes?|router|theme|"
    r"scriptloader|isfallback|gssp|gsp|ids|meta|seo|cookie\w*|consent\w*|navigation|menus?|footer|header)",
    re.I,
)
_PROSE: Final = re.compile(r"\S \S")


def is_made_by_script(tree: HtmlElement, shown: int) -> bool:
    """The page's content is not in its HTML: hardly anything is shown (`shown` characters of content), there are scripts, and
    something says that they draw the page: an empty root of an app, a request to enable JavaScript, or nothing else at all."""
    if shown >= THIN or next(_scripts(tree), None) is None:
        return False
    if any(_ASKS.search(clean(element.text_content())) for element in tree.iter("noscript")):
        return True
    body = tree.find(".//body")
    if body is None:
        return False
    text = clean(" ".join(_seen(body)))
    if len(text) < 2 * THIN and _ASKS.search(text):
        return True
    if any(_is_root(element) and _is_waiting(clean(" ".join(_seen(element)))) for element in body.iter()):
        return True
    return _is_waiting(text) and next(body.iter("img", "form", "iframe", "a", "video"), None) is None


def _is_waiting(text: str) -> bool:
    return not text or (len(text) < BARE and bool(_WAITING.match(text)))


def script_data(tree: HtmlElement) -> list[str]:
    """`path.to.key: value` lines of what a page hands to its own scripts (`<script type="application/json">`, `__NEXT_DATA__`,
    `window.__INITIAL_STATE__ = …`); [] if that is nothing but settings."""
    lines: dict[str, None] = {}
    prose = total = 0
    for value in _states(tree):
        for line in flatten(_without_settings(value, 0), ""):
            text = line.partition(": ")[2]
            if len(lines) >= MAX_LINES or total > MAX_CHARACTERS:
                break
            if text.startswith(("http://", "https://", "/")) or line in lines:
                continue
            lines[line] = None
            total += len(line) + 1
            prose += len(text) if _PROSE.search(text) else 0
    return list(lines) if prose >= ENOUGH else []


def _scripts(tree: HtmlElement) -> Iterator[HtmlElement]:
    """Scripts that run."""
    for script in tree.iter("script"):
        kind = (script.get("type") or "").lower()
        if (script.get("src") or (script.text or "").strip()) and (
            "javascript" in kind or kind in ("", "module", "text/babel", "jsx")
        ):
            yield script


def _is_root(element: HtmlElement) -> bool:
    if not isinstance(element.tag, str):
        return False
    if element.tag in _ROOT_TAGS or any(
        name in element.attrib for name in ("ng-app", "ng-version", "data-reactroot", "data-server-rendered")
    ):
        return True
    return element.tag in ("div", "main", "section") and any(
        _ROOTS.fullmatch(name) for name in (element.get("id") or "", *(element.get("class") or "").split()[:3]) if name
    )


def _seen(element: HtmlElement) -> Iterator[str]:
    if element.tag in ("script", "style", "noscript", "template", "head"):
        return
    if element.text:
        yield element.text
    for child in element:
        if isinstance(child.tag, str):
            yield from _seen(child)
        if child.tail:
            yield child.tail


def _states(tree: HtmlElement) -> Iterator[Json]:
    for script in tree.iter("script"):
        text, kind = script.text or "", (script.get("type") or "").lower()
        if not text.strip() or len(text) > MAX_STATE or "ld+json" in kind:
            continue
        if kind.endswith("json"):
            yield from _parsed(text, 0)
        elif match := _STATE_NAMES.search(text):
            yield from _parsed(text, match.end())


def _parsed(text: str, start: int) -> Iterator[Json]:
    try:
        value, _ = json.JSONDecoder(strict=False).raw_decode(text, start if start else len(text) - len(text.lstrip()))
    except (ValueError, RecursionError):
        return
    while isinstance(value, dict) and (
        inner := next((value[key] for key in ("props", "pageProps", "data") if _is_full(value.get(key))), None)
    ):
        value = inner
    if isinstance(value, dict | list):
        yield value


def _is_full(value: Json) -> bool:
    return isinstance(value, dict) and bool(value)


def _without_settings(value: Json, depth: int) -> Json:
    if isinstance(value, dict) and depth < 4:
        return {key: _without_settings(inner, depth + 1) for key, inner in value.items() if not _SETTINGS.fullmatch(str(key))}
    return value
