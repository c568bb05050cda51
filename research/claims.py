"""The claims of an answer: each value with the passages it names, for a model to look at where code cannot tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from research.evidence import Cited, child, excerpt, nearest
from research.output_spec import Field, OutputSpec
from research.ports import Claim, Draft, FieldAnswer


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
    by_path = {answer.field: answer for answer in draft.answers}
    for field in spec.fields:
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
