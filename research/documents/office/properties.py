"""What an Office document says of itself: title, authors, dates, subject (the core properties of OOXML, `meta.xml` of ODF)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from lxml import etree

from research.documents.blocks import clean, given_title

MEMBERS: Final = ("docProps/core.xml", "docProps/app.xml", "meta.xml")

_NAMES: Final = {
    "title": "title",
    "creator": "author",
    "initial-creator": "author",
    "lastModifiedBy": "last_modified_by",
    "created": "created",
    "creation-date": "created",
    "modified": "modified",
    "date": "modified",
    "subject": "subject",
    "description": "description",
    "keywords": "keywords",
    "keyword": "keywords",
    "category": "category",
    "language": "language",
    "Company": "company",
}


@dataclass(frozen=True, slots=True)
class Properties:
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The title that a person gave it; "" if a program did."""
        return given_title(self.values.get("title", ""))

    @property
    def published(self) -> str:
        return self.values.get("created") or self.values.get("modified") or ""

    @property
    def lines(self) -> list[str]:
        return [f"{key}: {value}" for key, value in self.values.items()]


def read(members: Mapping[str, bytes]) -> Properties:
    """The properties in those of `MEMBERS` that a document has. Broken ones are passed over."""
    found: dict[str, list[str]] = {}
    for name in MEMBERS:
        for key, value in _pairs(members.get(name, b"")):
            if value not in found.setdefault(key, []):
                found[key].append(value)
    return Properties({key: ", ".join(values)[:1_500] for key, values in found.items()})


def _pairs(xml: bytes) -> Iterator[tuple[str, str]]:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=True)
    try:
        root = etree.fromstring(xml, parser) if xml else None
    except etree.XMLSyntaxError:
        return
    for element in root.iter(etree.Element) if root is not None else ():
        key = _NAMES.get(etree.QName(element).localname)
        if key and (text := clean(element.text or "")):
            yield key, text
