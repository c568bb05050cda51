"""Two answers to one task, of which the second is to some fields only, become one: each field keeps its better support."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from research.conclusion import SAMPLE_OF_SOURCES, as_text
from research.errors import InvalidInput
from research.output_spec import OutputSpec
from research.processors import PROCESSOR_NAMES, ProcessorName, total
from research.purse import dollars
from research.result import CONFIDENCE_ORDER, Confidence, FieldBasis, Finding, Result, Source, lowest


class Escalation(NamedTuple):
    """Fields of this confidence or lower are researched again on this tier."""

    level: Confidence
    processor: ProcessorName

    @classmethod
    def parse(cls, text: str, processor: ProcessorName) -> Escalation:
        """`low:ultra`, for a run on another tier.

        Raises:
            InvalidInput: it is not a confidence and a tier, or the tier is no dearer than the run's own.
        """
        level, _, tier = text.partition(":")
        levels = CONFIDENCE_ORDER[:-1]
        if level not in levels or tier not in PROCESSOR_NAMES:
            raise InvalidInput(f"escalate: {text!r} is not CONFIDENCE:PROCESSOR, such as low:ultra ({' or '.join(levels)})")
        if PROCESSOR_NAMES.index(tier) <= PROCESSOR_NAMES.index(processor):
            raise InvalidInput(f"escalate: {tier} is no dearer than the run's own processor, {processor}")
        return cls(level, tier)


def doubtful(result: Result, level: Confidence) -> tuple[str, ...]:
    """The fields whose confidence is `level` or lower; a field that nothing supports is lower than low."""
    return tuple(name for name in result.fields if _rank(_confidence(result, name)) <= _rank(level))


def part_of(spec: OutputSpec, fields: Sequence[str]) -> OutputSpec:
    """The same output schema with these fields only. What it says of several fields together is left out."""
    if spec.kind != "json" or set(fields) == set(spec.names):
        return spec
    kept = {field.name: field for field in spec.fields if field.name in fields}
    schema = {
        "type": "object",
        "properties": {name: spec.schema["properties"][name] for name in kept},
        "required": [name for name, field in kept.items() if field.required],
        "additionalProperties": False,
    }
    return OutputSpec.parse({"type": "json", "json_schema": schema, "description": spec.description})


def merged(result: Result, again: Result, spec: OutputSpec) -> Result:
    """One result from both.

    Of each field that was asked again the answer with the higher confidence is kept, and of two that are equally sure the second,
    unless it is null. `processor` names both (`core+ultra`); the costs, tokens and seconds are the sums; a warning says what each
    cost and which fields it gave, and the reasoning of a field that the second gave begins with its processor.

    Args:
        result: the first answer, completed.
        again: the second, completed, to some of its fields.
        spec: of the first.
    """
    taken = [name for name in again.fields if _better(result, again, name)]
    output = _output(result, again, taken)
    warnings: list[str] = []
    if taken and spec.check(output):
        taken, output = [], result.output
        warnings.append(f"{again.processor}'s answers do not fit the schema beside the others, so the first were kept")
    sources, number = _sources(result.sources_detailed, again.sources_detailed)
    kept = [name for name in again.fields if name not in taken]
    said = [
        f"researched again on {again.processor}: {', '.join(again.fields)}",
        f"{result.processor} cost {_cost(result)}, {again.processor} {_cost(again)}",
        f"from {again.processor}: {', '.join(taken) or 'none'}",
        f"still from {result.processor}: {', '.join(kept) or 'none'}",
    ]
    ended = again.completed_at or again.modified_at
    read = [source.url for source in sources if source.read]
    return result.model_copy(
        update={
            "processor": f"{result.processor}+{again.processor}",
            "model": result.model if result.model == again.model else f"{result.model}+{again.model}",
            "output": output,
            "answer": as_text(output) if taken and isinstance(output, Mapping) else again.answer if taken else result.answer,
            "basis": _basis(result, again, taken),
            "report": result.report or (again.report and _renumbered(again.report, number)),
            "findings": [*result.findings, *(_finding(finding, number) for finding in again.findings)],
            "sources_detailed": sources,
            "sources": read[:SAMPLE_OF_SOURCES],
            "read": read,
            "considered": [source.url for source in sources],
            "usage": result.usage + again.usage,
            "cost_usd": total((result.cost_usd, again.cost_usd)),
            "warnings": [*result.warnings, *again.warnings, *warnings, "; ".join(said)],
            # A result's seconds are those from its creation to its end; between the two researches there may be days.
            "created_at": ended - _seconds(result) - _seconds(again),
            "modified_at": ended,
            "completed_at": ended,
        }
    )


def _confidence(result: Result, field: str) -> Confidence | None:
    return lowest([basis.confidence for basis in result.basis if _of(basis, field)])


def _of(basis: FieldBasis, field: str) -> bool:
    return basis.field == field or basis.field.startswith(f"{field}.")


def _rank(confidence: Confidence | None) -> int:
    return -1 if confidence is None else CONFIDENCE_ORDER.index(confidence)


def _better(result: Result, again: Result, field: str) -> bool:
    value = again.output.get(field) if isinstance(again.output, Mapping) else again.output
    return value is not None and _rank(_confidence(again, field)) >= _rank(_confidence(result, field))


def _output(result: Result, again: Result, taken: Sequence[str]) -> Any:
    if not isinstance(result.output, Mapping) or not isinstance(again.output, Mapping):
        return again.output if taken else result.output
    return {name: again.output[name] if name in taken else value for name, value in result.output.items()}


def _basis(result: Result, again: Result, taken: Sequence[str]) -> list[FieldBasis]:
    """The basis of every field, in the fields' order."""
    merged: list[FieldBasis] = []
    for name in result.fields:
        if name in taken:
            found = [basis for basis in again.basis if _of(basis, name)]
            merged += [basis.model_copy(update={"reasoning": f"{again.processor}: {basis.reasoning}"}) for basis in found]
        else:
            merged += [basis for basis in result.basis if _of(basis, name)]
    return merged


def _sources(first: Sequence[Source], second: Sequence[Source]) -> tuple[list[Source], dict[int, int]]:
    """All sources, those of the first under their numbers; and the numbers that those of the second got."""
    sources = {source.url: source for source in first}
    number: dict[int, int] = {}
    for source in second:
        known = sources.get(source.url)
        place = known.index if known is not None else len(sources) + 1
        number[source.index] = place
        if known is None or (source.read and not known.read):
            sources[source.url] = source.model_copy(update={"index": place})
    return list(sources.values()), number


def _finding(finding: Finding, number: Mapping[int, int]) -> Finding:
    return finding.model_copy(update={"answer": _renumbered(finding.answer, number)})


def _renumbered(text: str, number: Mapping[int, int]) -> str:
    return re.sub(r"\[(\d+)\]", lambda found: f"[{number.get(int(found[1]), found[1])}]", text)


def _cost(result: Result) -> str:
    return "an unknown sum" if result.cost_usd is None else dollars(result.cost_usd)


def _seconds(result: Result) -> timedelta:
    return max((result.completed_at or result.modified_at) - result.created_at, timedelta())
