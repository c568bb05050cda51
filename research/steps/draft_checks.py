"""Checks of a draft: what is wrong with it, and which of its values a model has to look at because code cannot tell."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from research.errors import Fault
from research.evidence.grounding import Cited, answers_of, child, excerpt, nearest
from research.faults import pointer
from research.output_schema.field_paths import field_of, is_within
from research.output_schema.output_spec import Field, OutputSpec
from research.ports.work import Claim, Draft, FieldAnswer


def assembled(draft: Draft, spec: OutputSpec) -> dict[str, Any]:
    """The output that a draft's top-level answers make: every field of the spec, null where there is no answer."""
    given = {answer.field: answer.value for answer in draft.answers}
    return {field.name: given.get(field.name) for field in spec.fields}


def faults_of(draft: Draft, spec: OutputSpec, asked: Collection[str], known: Callable[[str], bool]) -> tuple[Fault, ...]:
    """Everything wrong with a draft, in words its author can act on: answers that were not asked for, passage ids that do not
    exist, values without a passage, values that break the schema."""
    faults: list[Fault] = []
    for answer in draft.answers:
        at = pointer([answer.field])
        if field_of(answer.field, spec.names) not in asked:
            faults.append(Fault(at, f"not a field that was asked for; those are: {', '.join(sorted(asked))}"))
            continue
        named = (*answer.passages, *answer.against)
        faults += [Fault(at, f"the passage {i!r} does not exist") for i in named if not known(i)]
        inside = any(is_within(part.field, answer.field) and part.passages for part in draft.answers)
        if answer.value is not None and not answer.passages and not inside:
            faults.append(Fault(at, "a value needs at least one passage; give null if nothing supports one"))
    output: Any = assembled(draft, spec)
    if spec.kind == "text":
        output = output["answer"]
    if output is not None:
        faults += spec.check(output)
    return tuple(faults)


def claims_of(spec: OutputSpec, draft: Draft, cited: Mapping[str, Cited]) -> tuple[Claim, ...]:
    """Every value of an answer that names passages, leaf by leaf."""
    return tuple(claim for _, _, claim in _claims(spec, draft, cited))


def undecided(spec: OutputSpec, draft: Draft, cited: Mapping[str, Cited]) -> tuple[Claim, ...]:
    """The values that stand in none of the passages they name: they may follow from them, and code cannot tell."""
    return tuple(
        claim
        for field, schema, claim in _claims(spec, draft, cited)
        if all(excerpt(claim.value, schema, field, passage).support != "stated" for passage in claim.passages)
    )


def _claims(spec: OutputSpec, draft: Draft, cited: Mapping[str, Cited]) -> Iterator[tuple[Field, Mapping[str, Any], Claim]]:
    for field in spec.fields:
        by_path = {answer.field: answer for answer in answers_of(field, spec, draft.answers)}
        if field.name in by_path:
            yield from _leaves(by_path[field.name].value, field.schema, field, field.name, by_path, cited)


def _leaves(
    value: Any,
    schema: Mapping[str, Any],
    field: Field,
    path: str,
    by_path: Mapping[str, FieldAnswer],
    cited: Mapping[str, Cited],
) -> Iterator[tuple[Field, Mapping[str, Any], Claim]]:
    if value is None or value in ("", [], {}):
        return
    parts: Sequence[tuple[str | int, Any]] = ()
    if isinstance(value, Mapping):
        parts = list(value.items())
    elif isinstance(value, (list, tuple)):
        parts = list(enumerate(value))
    for key, part in parts:
        yield from _leaves(part, child(schema, key), field, f"{path}.{key}", by_path, cited)
    if parts:
        return
    passages = tuple(cited[i].passage for i in dict.fromkeys(nearest(path, by_path).passages) if i in cited)
    if passages:
        yield field, schema, Claim(field=path, value=value, passages=passages)
