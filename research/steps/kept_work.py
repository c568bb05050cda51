"""Keeps of a model's draft what it could know: answers that were asked for, on passages that it was shown."""

from __future__ import annotations

from collections.abc import Iterable

from research.evidence.scratchpad import Scratchpad
from research.output_schema.field_paths import field_of
from research.ports.page import Passage
from research.ports.work import Draft, Investigated, SubQuery
from research.result.citation_numbers import cited_ids, renamed


def kept_of(
    draft: Draft, subquery: SubQuery, names: tuple[str, ...], scratchpad: Scratchpad, warned: Iterable[str]
) -> Investigated:
    """A finished sub-query, but for what it used, considered and asked.

    Args:
        names: the output's fields.
        scratchpad: what the model was shown.
        warned: what was met on the way.
    """
    warnings = [f"sub-query {subquery.index}: {warning}" for warning in warned]
    passages: dict[str, Passage] = {}
    answers = []

    def kept(where: str, passage_id: str) -> str | None:
        """The id by which the task knows a passage, which is kept from now on; None for one that was never shown."""
        passage = scratchpad.passage(passage_id)
        if passage is None:
            warnings.append(f"sub-query {subquery.index}: {where} named the passage {passage_id!r}, which does not exist")
            return None
        unique = f"s{subquery.index}{passage_id}"
        passages[unique] = passage.changed(id=unique)
        return unique

    for answer in draft.answers:
        if field_of(answer.field, names) not in subquery.fields:
            warnings.append(f"sub-query {subquery.index}: an answer for `{answer.field}`, which was not asked, was dropped")
            continue
        name = f"`{answer.field}`"
        supporting = [kept(name, each) for each in answer.passages]
        against = [kept(name, each) for each in answer.against]
        answers.append(answer.changed(passages=tuple(filter(None, supporting)), against=tuple(filter(None, against))))
    prose = f"{draft.summary}\n{draft.report or ''}"
    ids_in_prose = {each: kept("its summary", each) or each for each in cited_ids(prose)}
    return Investigated(
        subquery=subquery,
        answers=tuple(answers),
        passages=tuple(passages.values()),
        summary=renamed(draft.summary, ids_in_prose.__getitem__),
        report=None if draft.report is None else renamed(draft.report, ids_in_prose.__getitem__),
        model=draft.model,
        read=scratchpad.read,
        warnings=tuple(warnings),
    )
