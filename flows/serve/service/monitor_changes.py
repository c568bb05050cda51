"""Which fields of a monitor's new result say something else than the last one."""

from __future__ import annotations

from research.result.result import Result
from research.values.values import same


def changed_fields(before: Result, after: Result) -> tuple[str, ...]:
    """The fields whose values are others, in the order of the new result. Another spelling of the same value is no change.

    A text is written anew each time: it has changed where it also copies an excerpt that the last one did not.
    """
    if isinstance(before.output, dict) and isinstance(after.output, dict):
        known = after.output_schema.get("properties", {})
        names = [*after.output, *(name for name in before.output if name not in after.output)]
        return tuple(name for name in names if not same(before.output.get(name), after.output.get(name), known.get(name) or {}))
    if isinstance(before.output, str) and isinstance(after.output, str):
        is_new = not same(before.output, after.output, {}) and not _excerpts(after) <= _excerpts(before)
        return tuple(after.fields) if is_new else ()
    return tuple(after.fields)


def _excerpts(result: Result) -> set[str]:
    return {excerpt.text for part in result.basis for citation in part.citations for excerpt in citation.excerpts}
