"""Options that say where pages are looked for, and which may be used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from cyclopts import Parameter

Several = Annotated[tuple[str, ...], Parameter(negative="")]


@Parameter(name="*")
@dataclass(frozen=True)
class Sources:
    """Where pages are looked for, and which may be used."""

    corpus: str | None = None
    """the documents to search: a folder, or a Parquet or JSON lines file of documents."""
    search: str | None = None
    """which search providers are asked, with commas between; several are merged. Without it, the corpus if there is one, else the
    providers whose key is set."""
    include_domain: Several = ()
    """only pages of this domain (`example.com`) or ending (`.gov`); may be given several times."""
    exclude_domain: Several = ()
    """no page of this domain or ending; may be given several times."""
    after_date: str | None = None
    """only pages published on this day or later, YYYY-MM-DD; pages without a date are kept, with a warning."""
    start_url: str | None = None
    """a page to read first; where it suffices, nothing is searched for. Of a table, with columns in braces: `"{website}"`."""
    file: Several = ()
    """a document, by path or URL, searched and cited like any source; may be given several times."""
    include_html_dump: bool = False
    """keep the HTML of the last page that was read."""

    @property
    def asked(self) -> dict[str, Any]:
        """What a request says of it; what is not said is None."""
        policy = {
            "include_domains": list(self.include_domain),
            "exclude_domains": list(self.exclude_domain),
            "after_date": self.after_date,
        }
        return {
            "source_policy": {name: value for name, value in policy.items() if value} or None,
            "start_url": self.start_url,
            "files": list(self.file) or None,
            "include_html_dump": self.include_html_dump or None,
        }

    @property
    def providers(self) -> list[str] | None:
        """The names of search providers; None if none is named."""
        from flows.run.environment import names_of

        return list(names_of(self.search or "")) or None
