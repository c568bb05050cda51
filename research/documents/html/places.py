"""Where on a page something stands: in its content, beside it, or in what surrounds every page of a site."""

from __future__ import annotations

import re
from typing import Final

from lxml.html import HtmlElement

_CHROME_TAGS: Final = frozenset({"nav", "footer", "dialog", "search"})
_CHROME_ROLES: Final = frozenset(
    ["navigation", "banner", "contentinfo", "search", "dialog", "alertdialog", "menu", "menubar", "toolbar"]
)
_CHROME: Final = re.compile(
    r"(?:site|page|main|global|top|primary|secondary|mega|user|post|article|entry|mw)?[-_]*"
    r"(?:nav|navbar|navbox|navigation|menu|breadcrumbs?|crumbs?|cookies?|consent|gdpr|newsletter|share|sharing|social|comments?|"
    r"commentlist|disqus(?:_thread)?|respond|popup|modal|advert|advertisement|ads|skip-?links?|footer)"
    r"[-_]*(?:bar|box|list|links?|menu|container|wrapper|wrap|section|area|block|banner|buttons?|icons?|form|signup|inner|main)?",
    re.I,
)
_ASIDE: Final = re.compile(
    r"side-?bar|related|recommend(?:ed|ations?)?|trending|most-?(?:read|popular)|more-?(?:from|on|stories)|widget|promo", re.I
)
_SUMMARY: Final = re.compile(r"infobox|fact|spec|summary|at-a-glance|key-?(?:data|figures)|profile|nutrition|details", re.I)
_LONGEST_NAME: Final = 60
MAX_LOOKED_AT: Final = 300
"""Elements."""


def place(element: HtmlElement) -> tuple[bool, bool]:
    """(it is chrome, it is an aside), by the element's own tag, role, classes and id. What holds the page's heading is
    neither."""
    tag, role = element.tag, element.get("role")
    names = [*(element.get("class") or "").split()[:20], element.get("id") or ""]
    names = [name for name in names if len(name) <= _LONGEST_NAME]
    called = [name for name in names if _CHROME.fullmatch(name)]
    chrome = tag in _CHROME_TAGS or role in _CHROME_ROLES or any("menu" not in name.lower() for name in called)
    # What calls itself a menu may be one of dishes.
    chrome = chrome or (bool(called) and _leads_elsewhere(element))
    aside = tag == "aside" or role == "complementary" or any(_is_aside(name) for name in names)
    aside = aside and not any(_SUMMARY.search(name) for name in names)
    if (chrome or aside) and (tag in ("html", "body", "main") or next(element.iter("h1", "main"), None) is not None):
        return False, False
    return chrome, aside


def _leads_elsewhere(element: HtmlElement) -> bool:
    """Half of its text or more stands in links, as far as its first elements show."""
    total = linked = 0
    for _, part in zip(range(MAX_LOOKED_AT), element.iter("*"), strict=False):
        own = len((part.text or "").strip())
        in_link = part.tag == "a" or any(above.tag == "a" for _, above in zip(range(3), part.iterancestors(), strict=False))
        total += own + len((part.tail or "").strip())
        linked += own if in_link else 0
    return linked * 2 >= total


def _is_aside(name: str) -> bool:
    """One of the words of a class says so: `right-sidebar`, `related_articles`; not `has-no-sidebars`."""
    found = _ASIDE.search(name)
    if found is None:
        return False
    before, after = name[: found.start()], name[found.end() :]
    return (not before or before[-1] in "-_") and (not after or after[0] in "-_")
