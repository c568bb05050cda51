"""Agreement: how often each source of an answer is borne out by another, and how often it is contradicted.

Both are counted from the basis alone, so that a reader of a result can count them again. A field is a field of the output: the
parts of a list or an object count as their field, once.

- A source supports a part of the answer if one of its excerpts there is `stated` or `inferred`. It speaks against it if one is
  `against`.
- `agrees`: the fields of which it supports a part that a source of another registrable domain supports as well. Two pages of one
  site are one voice. Documents that are not of the web (a local corpus, given files) have no domain and are one voice together.
- `disagrees`: the fields of which it speaks against a part that has a value, or supports one that another source speaks against.

What an answer does not cite is not counted, however many pages say the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from research.output_schema.field_paths import field_of
from research.result.result import FieldBasis, Source, SourceQuality


def with_agreement(sources: Sequence[Source], basis: Sequence[FieldBasis], fields: Sequence[str]) -> list[Source]:
    """The sources, each that has a quality with its `agrees` and `disagrees`.

    Args:
        sources: all of a result, in their order, which stays.
        basis: of the same result.
        fields: names of the output's fields. One may be the beginning of another.
    """
    domains = {source.url: source.quality.domain for source in sources if source.quality is not None}
    agrees: defaultdict[str, set[str]] = defaultdict(set)
    disagrees: defaultdict[str, set[str]] = defaultdict(set)
    for part in basis:
        field = field_of(part.field, fields) or part.field
        found = {(c.url, e.support) for c in part.citations for e in c.excerpts if c.url in domains}
        supports = {url for url, support in found if support in ("stated", "inferred")}
        against = {url for url, support in found if support == "against"}
        for url in supports:
            if any(domains[other] != domains[url] for other in supports):
                agrees[url].add(field)
            if against - {url}:
                disagrees[url].add(field)
        for url in against:
            disagrees[url].add(field)

    def counted(source: Source, quality: SourceQuality) -> Source:
        counts = quality.changed(agrees=len(agrees[source.url]), disagrees=len(disagrees[source.url]))
        return source.changed(quality=counts)

    return [source if source.quality is None else counted(source, source.quality) for source in sources]
