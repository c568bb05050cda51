"""Keeps of an earlier result what is still asked in the same words, so that only the rest is researched."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final

from research.identity import canonical_json
from research.money.usage import Usage
from research.output_schema.field_paths import field_of
from research.output_schema.output_spec import OutputSpec
from research.result.combining import all_of, basis_of, combined, one_or_both, value_of
from research.result.result import Conclusion, FieldBasis, FieldWarning, Result, as_text, lowest

_SAYS_NOTHING: Final = frozenset(
    {"type", "properties", "required", "additionalProperties", "title", "description", "examples", "$schema", "$id", "$comment"}
)
"""Words of a schema's root that say nothing of what a value must be (or, as its description, are compared apart)."""


def unchanged(old: OutputSpec, new: OutputSpec) -> tuple[str, ...]:
    """The fields of the new output that the old one asks for in the very same words, in the new one's order.

    A field's words are its own schema with its description, and what the root says of all fields: its description, and rules
    over several fields. Whether a field is required makes no difference.
    """
    before = {field.name: _wording(old, field.name) for field in old.fields}
    return tuple(field.name for field in new.fields if before.get(field.name) == _wording(new, field.name))


def _wording(spec: OutputSpec, name: str) -> str:
    (field,) = (field for field in spec.fields if field.name == name)
    rules = {word: part for word, part in spec.schema.items() if word not in _SAYS_NOTHING} if spec.kind == "json" else {}
    return canonical_json([spec.kind, spec.description, rules, field.schema])


def still_good(result: Result, names: Sequence[str]) -> tuple[str, ...]:
    """Those of some fields whose value a result really holds: not one that its column could not hold, so that its cell is empty
    and its evidence is not."""
    return tuple(
        name
        for name in names
        if value_of(result, name) is not None or lowest([basis.confidence for basis in basis_of(result, name)]) is None
    )


def wholly_kept(kept: Result, spec: OutputSpec, task: str, task_id: str, run: str | None) -> Result:
    """The result of a task of which nothing is left to research. It costs and uses nothing.

    Args:
        kept: an earlier result that holds every field of `spec`.
        run: what the run is called that it is kept from; None: no warning says so.
    """
    output = value_of(kept, spec.names[0]) if spec.kind == "text" else {name: value_of(kept, name) for name in spec.names}
    return _without_cost(kept, spec, task, task_id).changed(
        output=output,
        answer=as_text(output) if isinstance(output, dict) else output or "",
        basis=[basis for name in spec.names for basis in basis_of(kept, name)],
        warnings=[*_warnings(kept, spec.names), *_note(kept, spec.names, run)],
        field_warnings=_field_warnings(kept, spec.names),
    )


def unanswered(kept: Result, spec: OutputSpec, names: Collection[str], task: str, task_id: str, run: str, why: str) -> Result:
    """The result of a task whose other fields cannot be answered, and are null: nothing was there to research them with."""
    nothing = Conclusion(
        output=None if spec.kind == "text" else dict.fromkeys(spec.names),
        basis=[FieldBasis(field=name, reasoning=why) for name in spec.names if name not in names],
    )
    null = _without_cost(kept, spec, task, task_id).concluded(nothing)
    return with_kept(null, kept, spec, names, run) if names else null


def with_kept(found: Result, kept: Result, spec: OutputSpec, names: Collection[str], run: str | None) -> Result:
    """The result of a task some of whose fields an earlier run has answered. Its cost, usage and time are those of the rest.

    Args:
        found: a completed result for the rest.
        kept: the earlier result.
        spec: the output that both make together.
        names: the fields that are kept.
        run: what the run is called that they are kept from; None: no warning says so.
    """
    rest = [name for name in spec.names if name not in names]
    conclusion = combined(kept, found, spec.names, rest)
    warnings = [*_warnings(kept, names), *found.warnings]
    field_warnings = [*_field_warnings(kept, names), *found.field_warnings]
    if faults := spec.check(conclusion.output):
        conclusion = _without(conclusion, rest)
        warnings.append(
            f"{', '.join(rest)}: what was found does not fit the schema beside what is kept, so it is null ({faults[0]})"
        )
    warnings += _note(kept, [name for name in spec.names if name in names], run)
    return found.concluded(replace(conclusion, warnings=warnings, field_warnings=field_warnings)).changed(
        fields=list(spec.names),
        output_schema=dict(spec.schema),
        agents=all_of(kept.agents, found.agents),
        model=one_or_both(kept.model, found.model),
    )


def _without_cost(kept: Result, spec: OutputSpec, task: str, task_id: str) -> Result:
    ended = kept.completed_at or kept.modified_at
    return kept.changed(
        task_id=task_id,
        task=task,
        fields=list(spec.names),
        output_schema=dict(spec.schema),
        usage=Usage(),
        cost_usd=0.0,
        created_at=ended,
        modified_at=ended,
    )


def _without(conclusion: Conclusion, names: Collection[str]) -> Conclusion:
    """The same answer with some fields null, and their basis without evidence."""
    values = conclusion.output if isinstance(conclusion.output, dict) else {}
    output = {name: None if name in names else value for name, value in values.items()}
    own = [basis for basis in conclusion.basis if field_of(basis.field, output) not in names]
    basis = [*own, *(FieldBasis(field=name) for name in names)]
    return replace(conclusion, output=output, answer=as_text(output), basis=basis)


def _field_warnings(kept: Result, names: Collection[str]) -> list[FieldWarning]:
    return [warning for warning in kept.field_warnings if warning.field in names]


def _warnings(kept: Result, names: Collection[str]) -> list[str]:
    """The warnings of an earlier result, but for those about a field that is not kept."""
    dropped = {warning.text for warning in kept.field_warnings if warning.field not in names}
    return [text for text in kept.warnings if text not in dropped]


def _note(kept: Result, names: Sequence[str], run: str | None) -> list[str]:
    return [] if run is None else [f"kept from {run}: {', '.join(names)} ({kept.processor}, {kept.model})"]
