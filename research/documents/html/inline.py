"""The text of small elements: what is seen of them, what belongs together on a line, where a line ends."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import unquote

from lxml.html import HtmlElement

from research.documents.blocks import clean, joined
from research.documents.html.raised import FORMULAS, formula, is_moved, is_struck, moved, struck

MAX_ALT: Final = 79
"""Characters of an image's `alt` that stands for a value. A longer one describes the picture."""
MAX_ADDRESS: Final = 200
"""Characters of an address that is written behind its link. A longer one leads through a counter of clicks."""

_WEBSITE: Final = re.compile(
    r"(?:(?:visit|view|go to|open|see|official|company|corporate|our|the|their|its|school|author'?s?|business) )*"
    r"(?:web-? ?sites?|home-? ?pages?|web-? ?pages?|web|url|site|internet|www|source code|repository|repo|"
    r"webseite|internetseite|site (?:web|officiel|internet)|sitio (?:web|oficial)|sito(?: web| ufficiale)?|página web|strona|"
    r"сайт|hemsida|webbplats|hjemmeside|ウェブサイト|公式サイト|网站|官网)",
    re.I,
)
_SCHEME: Final = re.compile(r"^\s*https?://(?:www\.)?|^www\.", re.I)
_SHORT_ADDRESS: Final = re.compile(r"(?:https?://)?(?:[\w-]+\.)+[a-z]{2,24}(?::\d+)?(?:/\S*)?…?", re.I)

BLOCKS: Final = frozenset(
    (  # noqa: SIM905
        "address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption figure "
        "footer form frameset h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu nav ol p pre search section "
        "summary table tbody td tfoot th thead tr ul"
    ).split()
)
LISTS: Final = frozenset({"ul", "ol", "menu", "dir"})

_NEVER_SHOWN: Final = frozenset({"script", "style", "noscript", "template", "head"})
_CONTROLS: Final = frozenset(
    (  # noqa: SIM905
        "svg iframe object embed audio video canvas select option datalist textarea input button map area annotation "
        "annotation-xml progress meter"
    ).split()
)
METERS: Final = frozenset({"meter", "progress"})
_LABELLING: Final = frozenset({"span", "b", "strong", "em", "small", "label"})
_ICONS: Final = frozenset({"i", "span", "svg", "img"})
_ISO_DATE: Final = re.compile(r"[12]\d{3}-[01]\d-[0-3]\d")
_YEAR: Final = re.compile(r"(?<!\d)[12]\d{3}(?!\d)")
_RATING: Final = re.compile(
    r"\d(?:[.,]\d+)?\s?(?:/\s?\d|%|(?:out )?of \d|von \d|sur \d|de \d|su \d|stars?\b|Sternen?\b|étoiles?\b|estrellas?\b)", re.I
)
_REFERENCE: Final = re.compile(r"\s*\[[^\[\]]{1,30}\]\s*")
_BESIDE_HEADING: Final = re.compile(
    r"(?<!\s)\s*\[(?:\d{1,3}|note \d{1,3}|[^\W\dA-Z_][^\[\]\d]{0,40}|Bearbeiten\b[^\[\]\d]{0,40})\]\s*"
)
"""A footnote's mark or an edit link in a heading, in small letters but in German; `[1993]` and `[EUR]` are the heading's own."""
_EDIT: Final = re.compile(r"edit-?section", re.I)
_HIDDEN: Final = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I)
_DRAWN_TOGETHER: Final = BLOCKS | {"sup", "sub", "br", "wbr"}


def seen(element: HtmlElement) -> Iterator[HtmlElement]:
    """The child elements that are shown and hold text."""
    return (child for child in element if isinstance(child.tag, str) and not unseen(child) and opening(child))


def unseen(element: HtmlElement) -> bool:
    """Scripts, forms' controls, reference marks (`[1]`), edit links, and what is hidden in the middle of a line. A hidden block
    is not among them: it is a closed tab or a folded section, and those hold facts."""
    tag = element.tag
    if tag in _NEVER_SHOWN:
        return tag != "template" or "shadowrootmode" not in element.attrib
    if tag in _CONTROLS:
        # A button that is never closed swallows the page.
        return next(element.iter("h1", "main", "article", "p"), None) is None
    if tag == "sup" and len(element) <= 4 and _REFERENCE.fullmatch(element.text_content()):
        return True
    attributes = element.attrib
    if not attributes:
        return False
    if _EDIT.search(attributes.get("class", "")):
        return True
    return tag not in BLOCKS and ("hidden" in attributes or bool(_HIDDEN.search(attributes.get("style", ""))))


def value(element: HtmlElement, between: str = "; ") -> str:
    """The text of a small element on one line. Lines (`<br>`, paragraphs, list items) are put together by `between`, or by a
    space where one visibly continues the other. An image gives its `alt` where there is no text."""
    pieces: list[str] = []
    collect(element, pieces)
    found = lines(pieces)
    text = joined(found, between) if found else spoken(element)
    return struck(text) if is_struck(element) else text


def spoken(element: HtmlElement) -> str:
    """What a picture or an icon says to those who do not see it: `alt`, `aria-label`, the title of a drawing; "" if that is a
    description and no value."""
    for part in element.iter("img", "svg", "i", "span", "div", "use", "td", "th", "meter", "progress", "data"):
        words = part.get("alt") or part.get("aria-label") or (part.get("title") if part.tag in _ICONS else "") or ""
        if not words and part.tag == "svg":
            words = next((title.text or "" for title in part.iter("{*}title")), "")
        if text := clean(words):
            return text if len(text) <= MAX_ALT else ""
    return ""


def rating(element: HtmlElement) -> str:
    """What an element without any text says in figures, as stars do: `4.3 out of 5`; ""."""
    words = "" if opening(element) else spoken(element)
    return words if _RATING.search(words) else ""


def measured(element: HtmlElement) -> str:
    """The value of a meter or a progress bar: `4.3 of 5`."""
    if text := clean(element.text_content()):
        return text
    now, most = clean(element.get("value") or "")[:20], clean(element.get("max") or "")[:20]
    return f"{now} of {most}" if now and most not in ("", "1") else now


def addressed(link: HtmlElement) -> str:
    """The mail address, the telephone number or the page behind a link that does not show it; "". A page is told where the link's
    words are nothing but a label (`Website`), or a shortened address."""
    href = clean(link.get("href") or "")
    scheme, _, target = href.partition(":")
    if length(link, 10 * MAX_ALT) >= 10 * MAX_ALT:
        return ""
    text = clean(link.text_content())
    match scheme.lower():
        case "mailto" | "tel":
            target = clean(unquote(target.partition("?")[0]))
            is_shown = "@" in text if scheme.lower() == "mailto" else any(map(str.isdigit, text))
            return target if target and len(target) <= MAX_ALT and not is_shown else ""
        case "http" | "https" if len(href) <= MAX_ADDRESS and " " not in href:
            return href if _is_label_of_page(link, text) and href.rstrip("/") != text.rstrip("/") else ""
        case _:
            return ""


def _is_label_of_page(link: HtmlElement, text: str) -> bool:
    if not text or len(text) > MAX_ALT:
        return False
    if _WEBSITE.fullmatch(text):
        return True
    if _SHORT_ADDRESS.fullmatch(text) and _SCHEME.sub("", link.get("href")).strip("/ ") != _SCHEME.sub("", text).strip("/ "):
        return True
    # Behind a label of its own, in the same line or in the element before: `Website: <a>Acme</a>`.
    element = link
    for _ in range(3):
        before, parent = element.getprevious(), element.getparent()
        written = (before.tail if before is not None else parent.text if parent is not None else "") or ""
        if written.strip():
            return bool(_WEBSITE.fullmatch(clean(written).rstrip(" :：")))
        if before is not None:
            return isinstance(before.tag, str) and bool(_WEBSITE.fullmatch(clean("".join(_first_words(before))).rstrip(" :：")))
        if parent is None or parent.tag in ("body", "tr", "dl", "ul", "ol"):
            return False
        element = parent
    return False


def _first_words(element: HtmlElement) -> list[str]:
    return [text for _, text in zip(range(6), element.itertext(), strict=False) if len(text) <= MAX_ALT]


def dated(element: HtmlElement) -> str:
    """The date of a `<time>` whose words do not hold one (`last spring`, `2 days ago`); ""."""
    date = _ISO_DATE.match(clean(element.get("datetime") or ""))
    return date.group() if date and not _YEAR.search(element.text_content()) else ""


def heading(element: HtmlElement) -> str:
    """The text of a heading on one line, without `[edit]` and the like."""
    return clean(_BESIDE_HEADING.sub(" ", value(element, " ")))


def collect(element: HtmlElement, pieces: list[str], lists: list[HtmlElement] | None = None) -> None:
    """Append the text of an element to `pieces`, with a line feed where a line ends. With `lists`, lists inside are put there
    instead of being read."""
    if element.text:
        pieces.append(element.text.replace("\n", " "))
    previous: HtmlElement | None = None
    for child in element:
        if isinstance(child.tag, str):
            if child.tag == "br":
                pieces.append("\n")
            elif lists is not None and child.tag in LISTS:
                lists.append(child)
            elif child.tag in METERS:
                pieces += [" ", measured(child), " "]
            elif child.tag == "pre":
                pieces += ["\n", preformatted(child), "\n"]
            elif unseen(child):
                pass
            elif (written := special(child, pieces)) is not None:
                pieces.append(written)
            else:
                if needs_space(previous, child, pieces):
                    pieces.append(" ")
                edge = ["\n"] if child.tag in BLOCKS else []
                pieces += edge
                collect(child, pieces, lists)
                pieces += edge
                if words := behind(child):
                    pieces.append(words)
            previous = child
        if child.tail:
            pieces.append(child.tail.replace("\n", " "))


def preformatted(element: HtmlElement) -> str:
    """The text of an element with its line ends and spaces as they are."""
    pieces: list[str] = [element.text or ""]
    for child in element:
        if isinstance(child.tag, str):
            if child.tag == "br":
                pieces.append("\n")
            elif not unseen(child):
                if (written := special(child, pieces)) is not None:
                    pieces.append(written)
                else:
                    pieces.append(preformatted(child))
                    if child.tag in BLOCKS and not pieces[-1].endswith("\n"):
                        pieces.append("\n")
        pieces.append(child.tail or "")
    return "".join(pieces).replace("\r\n", "\n").replace("\r", "\n")


def special(element: HtmlElement, pieces: list[str]) -> str | None:
    """How to write an element behind `pieces` that is raised, lowered or struck out; None if it is like any other."""
    if is_moved(element):
        return moved(element, pieces)
    if element.tag in FORMULAS:
        return formula(element, [value(part, " ") for part in element if isinstance(part.tag, str)])
    if not is_struck(element):
        return None
    before = next((piece for piece in reversed(pieces) if piece), "")
    spaces = " " if before[-1:].isalnum() else "", "" if (element.tail or "")[:1] in tuple(",.;:)!?") else " "
    return f"{spaces[0]}{value(element)}{spaces[1]}"


def behind(element: HtmlElement) -> str:
    """What stands behind an inline element and is not shown: an address, a date; in brackets."""
    words = addressed(element) if element.tag == "a" else dated(element) if element.tag == "time" else ""
    return f" ({words})" if words else ""


def needs_space(previous: HtmlElement | None, child: HtmlElement, pieces: list[str]) -> bool:
    """Two inline elements that touch are drawn apart by style sheets: `<span>Brand</span><span>Acme</span>`. Not so letters that
    are wrapped one by one, and not what stands higher or lower in a line."""
    if child.tag in _DRAWN_TOGETHER or is_moved(child):
        return False
    if previous is None or previous.tail:
        return _touches(next((piece for piece in reversed(pieces) if piece), ""), child)
    if previous.tag in _DRAWN_TOGETHER:
        return False
    before, after = next((piece for piece in reversed(pieces) if piece), ""), opening(child)
    return before[-1:].isalnum() and after[:1].isalnum() and (len(before) > 1 or len(after) > 1)


def _touches(before: str, child: HtmlElement) -> bool:
    """A figure and a word, of which a style sheet makes a label and its value: `19<span>Rank</span>`, `Score<b>57</b>`."""
    if child.tag not in _LABELLING or not before:
        return False
    after = opening(child)
    if before[-1].isdigit():
        return len(after) > 2 and after[0].isupper() and after[:3].isalpha() and not after[:3].isupper()
    return before[-4:].isalpha() and len(before) >= 4 and before[-1].islower() and after[:1].isdigit()


def lines(pieces: Iterable[str]) -> list[str]:
    """The clean lines of collected pieces; empty ones are left out."""
    return [line for part in "".join(pieces).split("\n") if (line := clean(part))]


def opening(element: HtmlElement) -> str:
    """The first text in an element, as far as its first few pieces hold it."""
    for _, text in zip(range(12), element.itertext(), strict=False):
        if text and not text.isspace():
            return str(text)
    return ""


def length(element: HtmlElement, limit: int) -> int:
    """Characters of text, counted up to a limit."""
    total = 0
    for text in element.itertext():
        total += len(text.strip())
        if total >= limit:
            return limit
    return total


def link_share(element: HtmlElement, written: int) -> float:
    """The share of `written` characters that stand in links."""
    linked = sum(len(clean(link.text_content())) for link in element.iter("a"))
    return min(1.0, linked / written) if written else 0.0


def holds_structure(element: HtmlElement) -> bool:
    """It is more than text: there is a table, a definition list or a heading in it."""
    return next(element.iter("table", "dl", "h1", "h2", "h3", "h4"), None) is not None
