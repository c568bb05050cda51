"""How the web is read: who we say we are, how politely we ask, and how much of an answer is taken."""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

from pydantic import Field

from research.records import Record

PRODUCT: Final = "research-flows"
"""Our product token: the name that a robots.txt speaks of."""


class WebLimits(Record):
    """What one fetch may take. Nothing that a server does makes it take more."""

    connect_seconds: float = Field(default=10.0, gt=0)
    """Seconds until a connection stands, TLS included."""
    first_byte_seconds: float = Field(default=20.0, gt=0)
    """Seconds from the start of a request until the headers of its answer are all there, the connection included."""
    idle_seconds: float = Field(default=15.0, gt=0)
    """Seconds in which not one byte comes."""
    total_seconds: float = Field(default=60.0, gt=0)
    """Seconds of one fetch on the wire, over all its redirects and tries. Waiting for a turn is not counted."""
    pace_bytes_per_second: float = Field(default=500.0, ge=0)
    """Bytes per second below which a body, on average, is a slow drip and is given up."""
    pace_grace_seconds: float = Field(default=10.0, ge=0)
    """Seconds before the pace is looked at."""
    max_bytes: int = Field(default=20_000_000, gt=0)
    """Bytes of a body as they are sent."""
    max_decoded_bytes: int = Field(default=50_000_000, gt=0)
    """Bytes of a body after gzip or deflate."""
    max_html_bytes: int = Field(default=5_000_000, gt=0)
    """Bytes of an HTML or XML page that are read; what is longer is cut. Megabytes of nothing but tags take minutes to read."""
    max_ratio: float = Field(default=100.0, gt=1)
    """Decoded bytes per byte sent; more is a bomb. Bodies below 1 MB decoded are not measured: a page of blanks is no bomb."""
    max_redirects: int = Field(default=10, ge=0)
    """Redirects that one fetch follows."""


class WebSettings(Record):
    """How the web is read. The defaults are polite; what a site's owner says (robots.txt, Retry-After) comes first."""

    allow_private_hosts: tuple[str, ...] = ()
    """What may be read although it is not of the public internet: host names, IP addresses or networks, each with `:port` or for
    any port (`localhost:8000`, `10.0.0.0/8`)."""
    allow_ports: tuple[int, ...] = ()
    """Ports that may be asked beside 80 and 443."""
    contact: str = ""
    """A URL or an e-mail address where a site's owner reaches the operator; sent with every request."""
    limits: WebLimits = WebLimits()
    """What one fetch may take."""
    per_host: int = Field(default=2, ge=1)
    """Requests to one host at once."""
    host_delay_seconds: float = Field(default=0.5, ge=0)
    """Seconds between the starts of two requests to one host."""
    max_crawl_delay_seconds: float = Field(default=10.0, ge=0)
    """The longest `Crawl-delay` of a robots.txt that is kept, in seconds; a longer one is taken for this."""
    at_once: int = Field(default=64, ge=1)
    """Requests at once over all hosts."""
    freshness_seconds: int = Field(default=86_400, ge=0)
    """Seconds that a page is used again without asking, where its server does not say how long it may be."""
    revalidate: bool = False
    """Whether a page that is kept is used again only after its server has said that it is still the same. A refresh asks so."""
    cache_bytes: int = Field(default=2_000_000_000, gt=0)
    """Bytes of the HTTP cache on disk; what was not used for longest goes first."""
    retry_seconds: float = Field(default=30.0, ge=0)
    """Seconds after its first failure for which a fetch goes on trying, waits included; also the longest pause that it waits for
    when a server names one. A longer pause is a failure that says when to come back."""
    remember_failures_seconds: float = Field(default=300.0, ge=0)
    """Seconds for which a page that could not be read (404, a picture, a login) is not asked for again."""
    obey_robots: bool = True
    """Whether robots.txt is asked for and obeyed."""
    browser: bool = False
    """Whether pages that show nothing without JavaScript are rendered in an installed browser."""

    @property
    def user_agent(self) -> str:
        """`research-flows/0.1.0 (+https://example.com/about)`."""
        # A header is one line of ASCII, whatever was typed.
        contact = "".join(char for char in self.contact.strip() if " " < char < "\x7f" and char not in "()")
        return f"{PRODUCT}/{version(PRODUCT)}" + (f" (+{contact})" if contact else "")
