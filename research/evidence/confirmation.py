"""Confirms the values of an earlier result on pages that were read once more, without a model: the same words, the same value."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from research.errors import PageUnreadable
from research.evidence.found_again import PageAgain
from research.ports.page import Page
from research.result.combining import basis_of, value_of
from research.result.result import Citation, Excerpt, FieldBasis, Result


@dataclass(frozen=True, slots=True)
class Visit:
    """One page, read once more."""

    page: Page | None
    """None: it cannot be read."""
    is_gone: bool = False
    """Whether that will not pass: there is no such page any more, or it may not be read. Otherwise it only did not answer."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What reading a result's pages once more came to."""

    result: Result
    """The same result, with the evidence of the confirmed fields as their pages have it now."""
    confirmed: tuple[str, ...]
    doubtful: tuple[str, ...]
    """Fields whose pages do not say the same any more: they have to be researched."""
    unchecked: tuple[str, ...]
    """Fields with a page that did not answer: nothing is known against them."""


def pages_to_visit(result: Result, names: Collection[str]) -> list[str]:
    """The addresses of the pages that some fields rest on; of a field without a value, those of all pages that were read."""
    urls: dict[str, None] = {}
    for name in names:
        urls.update((citation.url, None) for citation in _citations(result, name))
        if value_of(result, name) is None:
            urls.update((source.url, None) for source in result.sources_detailed if source.read)
    return list(urls)


def confirm(
    result: Result,
    names: Sequence[str],
    visits: Mapping[str, Visit],
    stored: Callable[[str], Page],
    now: datetime,
    *,
    nothing_new: bool,
) -> Confirmation:
    """Compare the pages of some fields with what they were.

    Args:
        visits: of each page that `pages_to_visit` names, by its address.
        stored: an earlier page by the hash of its text.
        nothing_new: whether a field without a value may stay so where the pages that were read have not changed. False: there are
            pages that may answer it.
    """

    @cache
    def again(page_hash: str, url: str) -> PageAgain | None:
        page = visits[url].page
        try:
            return None if page is None else PageAgain(stored(page_hash), page)
        except PageUnreadable:
            return None

    confirmed: dict[str, list[FieldBasis]] = {}
    doubtful, unchecked = [], []
    for name in names:
        urls = pages_to_visit(result, [name])
        if any(visits[url].is_gone for url in urls):
            doubtful.append(name)
        elif any(visits[url].page is None for url in urls):
            unchecked.append(name)
        elif value_of(result, name) is None:
            stays = nothing_new and all(
                (pair := again(source.page_hash, source.url)) is not None and pair.is_unchanged
                for source in result.sources_detailed
                if source.read and source.page_hash
            )
            if stays:
                confirmed[name] = [basis.changed(checked_at=now) for basis in basis_of(result, name)]
            else:
                doubtful.append(name)
        elif (renewed := _renewed(basis_of(result, name), again, now)) is not None:
            confirmed[name] = renewed
        else:
            doubtful.append(name)
    return Confirmation(
        _with_evidence(result, confirmed, visits, again, now), tuple(confirmed), tuple(doubtful), tuple(unchecked)
    )


def checked_at(result: Result, basis: Iterable[FieldBasis]) -> datetime:
    """When a field of a result was last researched or confirmed."""
    ended = result.completed_at or result.modified_at
    return min((part.checked_at or ended for part in basis), default=ended)


def with_times(result: Result, names: Collection[str]) -> Result:
    """The same result, whose fields say when they were last checked: they can be taken over into another one."""
    ended = result.completed_at or result.modified_at
    own = {id(basis) for name in names for basis in basis_of(result, name)}
    return result.changed(
        basis=[basis.changed(checked_at=basis.checked_at or ended) if id(basis) in own else basis for basis in result.basis]
    )


def _citations(result: Result, name: str) -> list[Citation]:
    return [citation for basis in basis_of(result, name) for citation in basis.citations if citation.excerpts]


def _renewed(
    parts: Sequence[FieldBasis], again: Callable[[str, str], PageAgain | None], now: datetime
) -> list[FieldBasis] | None:
    """The evidence of a field as its pages have it now; None if one of its excerpts is not there any more."""
    renewed = []
    for basis in parts:
        citations = []
        for citation in basis.citations:
            excerpts: list[Excerpt] = []
            for excerpt in citation.excerpts:
                pair = again(excerpt.page_hash, citation.url)
                found = pair.find(excerpt) if pair is not None else None
                if found is None:
                    return None
                excerpts.append(found)
            citations.append(citation.changed(excerpts=excerpts))
        renewed.append(basis.changed(citations=citations, checked_at=now))
    return renewed


def _with_evidence(
    result: Result,
    confirmed: Mapping[str, list[FieldBasis]],
    visits: Mapping[str, Visit],
    again: Callable[[str, str], PageAgain | None],
    now: datetime,
) -> Result:
    own = {id(basis): name for name in confirmed for basis in basis_of(result, name)}
    basis: list[FieldBasis] = []
    done: set[str] = set()
    for part in result.basis:
        name = own.get(id(part))
        if name is None:
            basis.append(part)
        elif name not in done:
            done.add(name)
            basis += confirmed[name]
    sources = []
    for source in result.sources_detailed:
        visit = visits.get(source.url)
        if visit is not None and visit.page is not None and source.read and source.page_hash:
            pair = again(source.page_hash, source.url)
            same = pair is not None and pair.is_unchanged
            source = source.changed(fetched=now, page_hash=source.page_hash if same else visit.page.page_hash)
        sources.append(source)
    return result.changed(basis=basis, sources_detailed=sources)
