"""What is wrong with a draft: the check that a model may ask for, and that the engine makes."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from research.errors import Fault
from research.output_spec import OutputSpec
from research.ports import Draft


def assembled(draft: Draft, spec: OutputSpec) -> dict[str, Any]:
    """The output that a draft's top-level answers make: every field of the spec, null where there is no answer."""
    given = {answer.field: answer.value for answer in draft.answers}
    return {field.name: given.get(field.name) for field in spec.fields}


def faults_of(draft: Draft, spec: OutputSpec, asked: Collection[str], known: Callable[[str], bool]) -> tuple[Fault, ...]:
    """Everything wrong with a draft, in words its author can act on: answers nobody asked for, passage ids that do not exist,
    values without a passage, values that break the schema."""
    faults: list[Fault] = []
    for answer in draft.answers:
        if answer.field.split(".")[0] not in asked:
            faults.append(Fault(f"/{answer.field}", f"not a field that was asked for; those are: {', '.join(sorted(asked))}"))
            continue
        named = (*answer.passages, *answer.against)
        faults += [Fault(f"/{answer.field}", f"the passage {i!r} does not exist") for i in named if not known(i)]
        inside = any(other.field.startswith(f"{answer.field}.") and other.passages for other in draft.answers)
        if answer.value is not None and not answer.passages and not inside:
            faults.append(Fault(f"/{answer.field}", "a value needs at least one passage; give null if nothing supports one"))
    output: Any = assembled(draft, spec)
    if spec.kind == "text":
        output = output["answer"]
    if output is not None:
        faults += spec.check(output)
    return tuple(faults)
