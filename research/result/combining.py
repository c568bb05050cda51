"""Combines two results of one task, each of which answers for some of its fields."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from research.output_schema.field_paths import field_of
from research.result.agreement import with_agreement
from research.result.result import Conclusion, Confidence, FieldBasis, Finding, Result, Source, as_text, lowest


def combined(first: Result, second: Result, fields: Sequence[str], of_second: Collection[str]) -> Conclusion:
    """What two results answer together, and what both read and found.

    Sources keep their numbers if they are of the first; those of the second that it has not are numbered after them, and what the
    second wrote is renumbered.

    Args:
        fields: of the one result, in order.
        of_second: those that are the second's; the others are the first's.
    """
    sources, number = _sources(first.sources_detailed, second.sources_detailed)
    basis = [basis for name in fields for basis in basis_of(second if name in of_second else first, name)]
    output = _output(first, second, fields, of_second)
    return Conclusion(
        output=output,
        basis=basis,
        answer=as_text(output) if isinstance(output, Mapping) else (second if of_second else first).answer,
        report=first.report or (second.report and _renumbered(second.report, number)),
        findings=[*first.findings, *(_finding(finding, number) for finding in second.findings)],
        sources=with_agreement(sources, basis, fields),
        warnings=[*first.warnings, *second.warnings],
        field_warnings=[*first.field_warnings, *second.field_warnings],
    )


def field_confidences(result: Result) -> dict[str, Confidence | None]:
    """How sure each field is: what is said of it as a whole, else the lowest of its parts. None: no value, or no evidence."""
    found: dict[str, Confidence | None] = {}
    for field in result.fields:
        parts = basis_of(result, field)
        whole = next((part for part in parts if part.field == field), None)
        found[field] = whole.confidence if whole is not None else lowest([part.confidence for part in parts])
    return found


def basis_of(result: Result, field: str) -> list[FieldBasis]:
    """The basis of a field and of its parts (`key_people.0.name` is of `key_people`)."""
    return [basis for basis in result.basis if field_of(basis.field, (*result.fields, field)) == field]


def value_of(result: Result, field: str) -> Any:
    """What a result answers for a field; of a text, the text."""
    return result.output.get(field) if isinstance(result.output, Mapping) else result.output


def one_or_both(first: str, second: str) -> str:
    """`core` of two that are the same, else `core+ultra`."""
    return first if first == second else f"{first}+{second}"


def all_of(first: Sequence[str], second: Sequence[str]) -> list[str]:
    """The names of both, each once."""
    return list(dict.fromkeys([*first, *second]))


def _output(first: Result, second: Result, fields: Sequence[str], of_second: Collection[str]) -> Any:
    if isinstance(first.output, str) or isinstance(second.output, str):
        return second.output if of_second else first.output
    return {name: value_of(second if name in of_second else first, name) for name in fields}


def _sources(first: Sequence[Source], second: Sequence[Source]) -> tuple[list[Source], dict[int, int]]:
    """All sources, those of the first under their numbers; and the numbers that those of the second got."""
    sources = {source.url: source for source in first}
    number: dict[int, int] = {}
    for source in second:
        known = sources.get(source.url)
        place = known.index if known is not None else len(sources) + 1
        number[source.index] = place
        if known is None or (source.read and not known.read):
            sources[source.url] = source.changed(index=place)
    return list(sources.values()), number


def _finding(finding: Finding, number: Mapping[int, int]) -> Finding:
    return finding.changed(answer=_renumbered(finding.answer, number))


def _renumbered(text: str, number: Mapping[int, int]) -> str:
    return re.sub(r"\[(\d+)\]", lambda found: f"[{number.get(int(found[1]), found[1])}]", text)
