"""A run's request: its key, the folder it goes to, the columns that say what its rows are, and how two requests differ."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from research.errors import Fault, InvalidRun
from research.faults import pointer, shown, unpointer
from research.identity import content_key
from research.tables.inputs.objective import Objective

_SURROUNDINGS: Final = ("search", "fetcher", "versions")
"""What of a request says where and with what the answers are looked for, and not what is asked."""


def request_key(request: Mapping[str, Any]) -> str:
    """What makes two runs the same run: lower-case hex SHA-256 of the whole request."""
    return content_key("run", request=dict(request))


def series_key(request: Mapping[str, Any], key: str) -> str:
    """What all runs of a series have in common: the key of the first.

    Args:
        key: the run's own.
    """
    return str((request.get("refresh") or {}).get("series") or key)


def default_run_path(table_name: str, key: str) -> Path:
    """The run folder of a run without `--out`: `runs/<table>-<first 8 hex digits of its key>`."""
    name = re.sub(r"[^\w.-]+", "-", table_name).strip("-._")[:60] or "table"
    return Path("runs") / f"{name}-{key[:8]}"


def label_columns(request: Mapping[str, Any], inputs: Sequence[str]) -> list[str]:
    """The columns that say what a row is, the best first: those that the objective names. Private ones are not among them.

    Args:
        request: of the run, as its folder keeps it.
        inputs: the table's columns.
    """
    asked = request.get("objective")
    named: Sequence[str] = ()
    if isinstance(asked, Mapping) and (asked.get("template") or asked.get("column")):
        named = Objective(template=asked.get("template"), column=asked.get("column")).columns or ()
    private = set(request.get("private") or ())
    return [name for name in dict.fromkeys((*named, *inputs)) if name in inputs and name not in private]


def refuse_another(folder: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """See that what is asked of a run folder is what it was made for.

    Raises:
        InvalidRun: it is something else; each difference is named.
    """
    if request_key(old) == request_key(new):
        return
    faults = list(differences(old, new))
    places = [unpointer(fault.pointer) for fault in faults]
    if all(place[0] in _SURROUNDINGS for place in places):
        raise InvalidRun(
            f"{folder} was begun over other pages, with another search or by another version of this program, so its other rows "
            "would not be answered as those are that it has. Where pages of its corpus were changed, put them back as they were; "
            "otherwise research the table anew, in another folder with --out.",
            faults,
        )
    hint = ""
    if all(place[:2] == ("task", "output_schema") for place in places):
        hint = f" With another folder and --reuse {folder}, only the fields that are new or changed are researched."
    raise InvalidRun(
        f"{folder} holds the run of another request. Choose another folder with --out, or ask for the same again.{hint}", faults
    )


def differences(old: Any, new: Any, at: str = "", holder: str = "the run") -> Iterator[Fault]:
    """Where two JSON values differ, as deep as both are objects.

    Args:
        holder: what has the old one, for people.
    """
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted({*old, *new}):
            yield from differences(old.get(name), new.get(name), at + pointer([name]), holder)
    elif old != new:
        yield Fault(at, f"{holder} has {shown(old)}, asked is {shown(new)}")
