"""A run's request: its key, the folder it goes to, the columns that say what its rows are, and how two requests differ."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any, Final

from research.errors import Fault, InvalidRun
from research.faults import pointer, shown, unpointer
from research.identity import content_key
from research.tables.inputs.objective import Objective

_SURROUNDINGS: Final = ("search", "fetcher", "versions")
"""What of a request says where and with what the answers are looked for, and not what is asked."""
_CORPUS: Final = re.compile(r"local/(?P<versions>[^/]+/[^/]+)/(?P<pages>[0-9a-f]{64})")
"""A corpus within the identity of a search or a fetcher."""


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


def refuse_another(folder: Path, old: Mapping[str, Any], new: Mapping[str, Any], *, finished: bool = False) -> None:
    """See that what is asked of a run folder is what it was made for.

    Args:
        finished: whether the run is, so that it can be refreshed.

    Raises:
        InvalidRun: it is something else; each difference is named.
    """
    if request_key(old) == request_key(new):
        return
    faults = list(told_differences(old, new))
    places = [unpointer(fault.pointer) for fault in faults]
    if all(place[0] in ("table", *_SURROUNDINGS) for place in places):
        raise InvalidRun(_since_begun(folder, {place[0] for place in places}, finished), faults)
    hint = ""
    if all(place[:2] == ("task", "output_schema") for place in places):
        hint = f" With another folder and --reuse {folder}, only the fields that are new or changed are researched."
    raise InvalidRun(
        f"{folder} holds the run of another request. Choose another folder with --out, or ask for the same again.{hint}", faults
    )


def _since_begun(folder: Path, places: Set[str], finished: bool) -> str:
    """What to do where the question is the same, and only what it is asked of has changed since the run began."""
    table, around = "table" in places, not places <= {"table"}
    over = ["another table"] * table + ["other pages, with another search or by another version of this program"] * around
    why = "so its other rows would not be answered as those are that it has" if around else "so its rows are not this table's"
    said = f"{folder} was begun over {' and '.join(over)}, {why}."
    if finished:
        return (
            f"{said} To research only what is new, changed or stale, with the table and the pages as they are now: "
            f"research refresh {folder} (with --table or --corpus if they lie elsewhere). To research all rows anew: another "
            "folder with --out."
        )
    if not around:
        return f"{said} To research only what is new or changed in it: --reuse {folder} and another folder with --out."
    changed = "Where the table or pages of its corpus" if table else "Where pages of its corpus"
    return (
        f"{said} {changed} were changed, put them back as they were; otherwise research the table anew, in another folder "
        "with --out."
    )


def told_differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Fault]:
    """Where two requests, or the same parts of them, differ: in words where the values are hashes."""
    for fault in differences(old, new):
        place = unpointer(fault.pointer)
        then, now = old.get(place[0]), new.get(place[0])
        if place == ("table",):
            yield Fault(fault.pointer, "the table holds other rows or columns than when the run began, or is another one")
        elif place in (("search",), ("fetcher",)) and (words := _pages_told(str(then), str(now))):
            if place == ("search",) or (then, now) != (old.get("search"), new.get("search")):  # a corpus is both: told once
                yield Fault(fault.pointer, words)
        else:
            yield fault


def _pages_told(then: str, now: str) -> str | None:
    """How two identities differ that are a corpus in both; None if they are not, so that they say themselves what they are."""
    before, after = _CORPUS.search(then), _CORPUS.search(now)
    if before is None or after is None or _CORPUS.sub("", then) != _CORPUS.sub("", now):
        return None
    if before["pages"] != after["pages"]:
        return "documents of the corpus were added, changed or removed since the run began, or it is another one"
    return "another version of this program read the corpus when the run began"


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
