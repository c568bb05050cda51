"""Addresses of pages: when two are the same page, and whose they are."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

import idna
from publicsuffixlist import PublicSuffixList

_TRACKING: Final = re.compile(
    r"utm_\w+|gclid|dclid|gbraid|wbraid|fbclid|msclkid|twclid|yclid|igshid|mc_[ce]id|_hs(?:enc|mi)|vero_id|ref_src|spm|srsltid",
    re.I,
)
"""Query parameters that say how a reader came, and not what is read."""
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_SAFE: Final = "/:@!$&'()*+,;=~-._%"


def ascii_host(host: str) -> str:
    """A host as DNS writes it: lower case, without the last dot, other scripts as `xn--…`.

    Raises:
        UnicodeError: it is no host name.
    """
    host = host.strip().rstrip(".").lower()
    # As browsers and HTTP clients do: Python's own codec knows IDNA 2003 only, and would judge another host than the one asked.
    return host if host.isascii() else idna.encode(host, uts46=True, transitional=False).decode()


def host_of(url: str) -> str:
    """The host of a URL as DNS writes it; "" if it has none."""
    try:
        return ascii_host(urlsplit(url).hostname or "")
    except (ValueError, UnicodeError):
        return ""


def is_web(url: str) -> bool:
    """Whether a URL is of the web: http or https."""
    return url[:8].lower().startswith(("http://", "https://"))


def canonical_url(url: str) -> str:
    """One spelling for all addresses that are known to be one page: for telling hits apart, never for fetching.

    http and https, `www.`, the default port, the fragment, a slash at the end, the order of the query's parameters and what
    tracks readers make no difference. A URL that is not of the web is only stripped of its fragment.
    """
    try:
        parts = urlsplit(url.strip())
        if parts.scheme.lower() not in _DEFAULT_PORTS:
            return urlunsplit(parts._replace(fragment=""))
        host = ascii_host(parts.hostname or "").removeprefix("www.")
        port = parts.port
    except (ValueError, UnicodeError):
        return url.strip()
    place = host if port in (None, 80, 443) else f"{host}:{port}"
    path = quote(unquote(parts.path, errors="surrogateescape"), safe=_SAFE, errors="surrogateescape").rstrip("/")
    kept = sorted((key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if not _TRACKING.fullmatch(key))
    return urlunsplit(("https", place, path, urlencode(kept), ""))


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def is_public_suffix(domain: str) -> bool:
    """Whether names are registered under a domain: `com`, `co.uk`, `github.io`. By the public suffix list that ships with
    publicsuffixlist; nothing is fetched."""
    return bool(domain) and _suffixes().privatesuffix(domain) is None


@lru_cache(maxsize=4096)
def registrable_domain(host: str) -> str:
    """The registered domain: `bbc.co.uk` of `news.bbc.co.uk`. A host under no public suffix, or an address, is itself."""
    if not host or ":" in host or host.replace(".", "").isdigit():
        return host
    return _suffixes().privatesuffix(host) or host
