"""Two answers to one task, of which the second is to some fields only, become one: each field keeps its better support."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

from research.errors import InvalidInput
from research.money.amounts import dollars, total
from research.money.processors import PROCESSOR_NAMES, ProcessorName
from research.output_schema.output_spec import OutputSpec
from research.result.combining import all_of, basis_of, combined, one_or_both, value_of
from research.result.result import CONFIDENCE_ORDER, Confidence, Result, lowest


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


def below_confidence(result: Result, level: Confidence) -> tuple[str, ...]:
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


def combine_escalated(result: Result, again: Result, spec: OutputSpec) -> Result:
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
    basis = [basis.changed(reasoning=f"{again.processor}: {basis.reasoning}") for basis in again.basis]
    second = again.changed(basis=basis)
    conclusion = combined(result, second, result.fields, taken)
    warnings: list[str] = []
    if taken and spec.check(conclusion.output):
        taken, conclusion = [], combined(result, second, result.fields, [])
        warnings.append(f"{again.processor}'s answers do not fit the schema beside the others, so the first were kept")
    kept = [name for name in again.fields if name not in taken]
    history = [
        f"researched again on {again.processor}: {', '.join(again.fields)}",
        f"{result.processor} cost {_cost(result)}, {again.processor} {_cost(again)}",
        f"from {again.processor}: {', '.join(taken) or 'none'}",
        f"still from {result.processor}: {', '.join(kept) or 'none'}",
    ]
    ended = again.completed_at or again.modified_at
    answer = conclusion.answer if taken else result.answer
    conclusion = replace(conclusion, answer=answer, warnings=[*conclusion.warnings, *warnings, "; ".join(history)])
    return result.concluded(conclusion).changed(
        processor=f"{result.processor}+{again.processor}",
        tiers=[*(result.tiers or [result.processor]), *(again.tiers or [again.processor])],
        agents=all_of(result.agents, again.agents),
        model=one_or_both(result.model, again.model),
        usage=result.usage + again.usage,
        cost_usd=total((result.cost_usd, again.cost_usd)),
        # A result's seconds are those from its creation to its end; between the two researches there may be days.
        created_at=ended - _seconds(result) - _seconds(again),
        modified_at=ended,
        completed_at=ended,
    )


def _confidence(result: Result, field: str) -> Confidence | None:
    return lowest([basis.confidence for basis in basis_of(result, field)])


def _rank(confidence: Confidence | None) -> int:
    return -1 if confidence is None else CONFIDENCE_ORDER.index(confidence)


def _better(result: Result, again: Result, field: str) -> bool:
    return value_of(again, field) is not None and _rank(_confidence(again, field)) >= _rank(_confidence(result, field))


def _cost(result: Result) -> str:
    return "an unknown sum" if result.cost_usd is None else dollars(result.cost_usd)


def _seconds(result: Result) -> timedelta:
    return max((result.completed_at or result.modified_at) - result.created_at, timedelta())
