"""What a model may read in one investigation, so that no address it makes up carries data of the row to somebody's server.

Readable are addresses that others wrote or the user did, never the model's own:

- what a search found, the task's start page and files, and addresses that stand in the task's objective or row;
- addresses that stand in the text of a page that was read, or that it links to, unless one spells a cell that the objective does
  not name;
- of the sites of the first group: their front page, the folders above a known page, and pages that most sites have
  (`usual_pages.toml`), a few in each investigation;
- anything of a domain that the task's source policy includes by name.

The request goes to the address as it was written, not as the model spells it: letters in capitals, escapes, parameters for
tracking, user names and fragments cannot carry anything either. What is left is choosing: docs/security.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from research.ports.page import Page
from research.records import read_table
from research.steps.row_cells import UnnamedCells
from research.task.task import Task
from research.task.urls import canonical_url, host_of, is_web, registrable_domain

GUESSES: Final = 4
"""Addresses in one investigation that nobody wrote: front pages, folders, usual pages."""
LINKS: Final = 200
"""Addresses of one page's text that count, from its beginning."""
NO: Final = (
    "not read: this address stands in nothing that was found or read here, and an address that is made up could carry the row's "
    "data to a stranger. Readable are search results, addresses that stand in pages read here, their links, and the front page "
    "and usual pages (/about, /contact) of a site that a search found. Search for the page instead"
)

_URL: Final = re.compile(r"https?://[^\s<>\"'`|¦{}\\^]+", re.I)
_DOMAIN: Final = re.compile(r"(?<![\w@.:/-])(?:[\w-]{1,63}\.)+[^\W\d_]{2,24}(?::\d{1,5})?(?:/[^\s<>\"'`|¦{}\\^]*)?", re.I)
"""An address without its scheme, as tables hold it: `example.com/about`."""
_END: Final = ".,;:!?)]}'\"…"


class ReadableAddresses:
    """What may be read, as it grows with each search and each page."""

    def __init__(self, task: Task) -> None:
        self._cells = UnnamedCells(task)
        self._known: dict[str, str] = {}
        """The address as it was written, by one spelling for all addresses of the page."""
        self._sites: dict[str, _Site] = {}
        self._guessed: set[str] = set()
        self._trusted = frozenset(
            domain for domain in (task.source_policy.include_domains if task.source_policy else ()) if not domain.startswith(".")
        )
        named = [task.start_url] if task.start_url else []
        named += [file.source for file in task.files if file.is_web]
        self.add_sites([*named, *_addresses(task.task), *(url for text in _texts(task.input) for url in _addresses(text))])

    def add_sites(self, urls: Iterable[str]) -> None:
        """Addresses that a search found, or that the user wrote."""
        for url in urls:
            self._known.setdefault(canonical_url(url), url)
            if is_web(url) and (host := host_of(url)):
                site = self._sites.setdefault(registrable_domain(host), _Site())
                site.add(url, host)

    def add_page(self, page: Page) -> None:
        """A page that was read: where it was found in the end, the addresses in its text, and where it leads."""
        self._known.setdefault(canonical_url(page.final_url), page.final_url)
        self.add_links((*_linked(page.text), *(link.url for link in page.links)))

    def add_links(self, urls: Iterable[str]) -> None:
        """Addresses that others wrote. One that spells a cell which the objective does not name stays out."""
        for url in urls:
            if self._cells.found_in(unquote(url)) is None:
                self._known.setdefault(canonical_url(url), url)

    @property
    def guessed(self) -> tuple[str, ...]:
        """Addresses that nobody wrote and that were allowed."""
        return tuple(sorted(self._guessed))

    def guess_again(self, urls: Iterable[str]) -> None:
        """Count addresses that were allowed before."""
        self._guessed.update(urls)

    def knows(self, url: str) -> bool:
        """Whether others wrote this very address, or the user did."""
        return canonical_url(url) in self._known

    def resolve(self, url: str) -> str | None:
        """The address to ask for where a model asks for `url`; None if it may not be read."""
        key = canonical_url(url)
        if (known := self._known.get(key)) is not None:
            return known
        host = host_of(url)
        if not is_web(url) or not host:
            return None
        if any(host == domain or host.endswith(f".{domain}") for domain in self._trusted):
            return url
        site = self._sites.get(registrable_domain(host))
        usual = site.usual(url, host) if site is not None else None
        if usual is None or (usual not in self._guessed and len(self._guessed) >= GUESSES):
            return None
        self._guessed.add(usual)
        return usual


class _Site:
    """A registered domain that a search found, or that the user wrote."""

    def __init__(self) -> None:
        self._origins: dict[str, str] = {}
        """By host: `https://example.com`."""
        self._folders: dict[str, set[str]] = {}
        """By host: folders above known pages."""

    def add(self, url: str, host: str) -> None:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port is not None else ""
        self._origins.setdefault(host, f"{parts.scheme.lower()}://{host}{port}")
        steps = parts.path.split("/")[1:-1]
        self._folders.setdefault(host, set()).update("/" + "/".join(steps[:end]) for end in range(1, len(steps) + 1))

    def usual(self, url: str, host: str) -> str | None:
        """The address of a page that can be guessed here; None if `url` is none."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            return None
        if parts.query:
            return None
        origin = self._origins.get(host)
        if origin is None:
            if host not in self._beside():
                return None
            origin = f"https://{host}"
        elif urlsplit(origin).port != port and port not in (None, 80, 443):
            return None
        slash = "/" if parts.path.endswith("/") else ""
        path = parts.path.rstrip("/")
        if path in self._folders.get(host, ()):
            return f"{origin}{path}/"
        if path and path.lower() not in _usual_paths():
            return None
        return f"{origin}{path.lower()}{slash or ('' if path else '/')}"

    def _beside(self) -> set[str]:
        """Hosts that are one site with a known one: with `www.` and without, and the domain itself."""
        bare = {host.removeprefix("www.") for host in self._origins} | {registrable_domain(host) for host in self._origins}
        return bare | {f"www.{host}" for host in bare}


@lru_cache(maxsize=1)
def _usual_paths() -> frozenset[str]:
    table = read_table("research.steps", "usual_pages.toml")
    return frozenset(
        f"{f'/{language}' if language else ''}/{path}{ending}"
        for language in table["languages"]
        for path in table["paths"]
        for ending in table["endings"]
    ) | {f"/{language}" for language in table["languages"] if language}


def _linked(text: str) -> Iterator[str]:
    """The first addresses in a page's text, each once."""
    seen: set[str] = set()
    for found in _URL.finditer(text):
        url = found.group().rstrip(_END)
        if url not in seen:
            seen.add(url)
            yield url
        if len(seen) >= LINKS:
            return


def _addresses(text: str) -> Iterator[str]:
    """The addresses in what the user wrote, with a scheme or without."""
    rest = text
    for found in _URL.finditer(text):
        yield found.group().rstrip(_END)
        rest = rest.replace(found.group(), " ")
    for found in _DOMAIN.finditer(rest):
        yield f"https://{found.group().rstrip(_END)}"


def _texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
