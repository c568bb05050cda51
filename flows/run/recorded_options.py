"""The options of a run as its `run.json` keeps them under `invocation`, so that a run folder is enough to go on with it.

Paths are kept absolute, and what the environment decided (model, corpus, search providers) is kept as if it had been an option.
The schema is not kept a second time: the request holds it. Nor is the address of a webhook, which may be a secret. Attached files
are kept as they were typed: so they are cited.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from flows.run.declaration import declared
from flows.run.mcp_servers import is_file
from flows.run.options import EnrichOptions, FindOptions, Options, RefreshOptions, ResynthesizeOptions
from flows.run.request import Request
from research.errors import InvalidRun
from research.identity import json_copy
from research.storage.location import is_url, local_path
from research.tables.run_folder.finding import find_run
from research.tables.run_folder.run_folder import RunFolder
from research.task.urls import is_web
from research.world import Settings

FLOWS: Final[Mapping[str, type]] = {
    "enrich": EnrichOptions,
    "resynthesize": ResynthesizeOptions,
    "refresh": RefreshOptions,
    "find": FindOptions,
}
ENRICHMENT: Final = "enrichment"
"""Of a refresh: the options of the enrichment that it amounts to, so that the next refresh needs no earlier folder for them."""
_PATHS: Final = ("table", "corpus", "reuse", "run", "export", "agents_dir")
"""Options that name one file or folder. `out` is not kept: a folder may be moved, and is where it is."""
_RUNS: Final = ("reuse", "run")
"""Those of them that name a run folder."""
_OF_THE_WORLD: Final = ("model", "corpus", "search")
_NOT_KEPT: Final = ("out", "output_schema", "webhook")
_SECRET_WORDS: Final = ("sig", "token", "key", "secret", "passw", "credential", "auth")
"""A parameter of a URL whose name holds one of these may be what lets its reader in."""


def record_of(options: Options, settings: Settings, rows: int, enrichment: EnrichOptions | None = None) -> dict[str, Any]:
    """What `run.json` keeps of an invocation: JSON, without a secret.

    Args:
        settings: what its world was opened with.
        rows: how many the table has.
        enrichment: what a refresh amounts to.
    """
    flow = next(name for name, of in FLOWS.items() if isinstance(options, of))
    kept = {
        option.name: value
        for option in declared(FLOWS[flow])
        if option.name not in _NOT_KEPT and (value := getattr(options, option.name)) != option.default
    }
    for name in _OF_THE_WORLD:
        if hasattr(options, name) and name not in kept and (decided := getattr(settings, name)):
            kept[name] = decided
    withheld = []
    for name in _PATHS:
        if isinstance(place := kept.get(name), str):
            if name in _RUNS and not is_url(place):
                place = str(find_run(place))  # what was typed may be the beginning of its name
            kept[name] = without_secrets(place) if is_url(place) else _absolute(place)
            withheld += [name] if is_url(place) and kept[name] != place else []
    if servers := kept.get("mcp_servers"):
        kept["mcp_servers"] = [_absolute(each) if is_file(each) else each for each in servers]
    amounts_to = {} if enrichment is None else {ENRICHMENT: record_of(enrichment, settings, rows)}
    record = {"flow": flow, "directory": str(Path.cwd()), "options": kept, "rows": rows, "withheld": withheld}
    return json_copy(record | amounts_to)


def recorded_table(folder: RunFolder) -> str | None:
    """The table that a run reads, as a path or a URL; None: it is not kept, or the run reads another run's."""
    record = folder.invocation or {}
    table = record.get(ENRICHMENT, record).get("options", {}).get("table")
    return table if isinstance(table, str) else None


def recorded_options(folder: RunFolder, out: str, **changes: Any) -> Options:
    """The options of a run's latest invocation: the same request, once more.

    Args:
        out: the run folder as it is to be named, or its URL.
        changes: options to replace. None leaves one as it was.

    Raises:
        InvalidRun: the folder does not hold them, or not all of them.
    """
    record = _record(folder, out)
    options = FLOWS.get(record["flow"])
    if options is None:
        raise InvalidRun(f"{out} was made by the flow {record['flow']!r}, which this version does not know.")
    again: Options = _options(options, folder, record, out, {**changes, "out": out})
    return again


def recorded_enrichment(folder: RunFolder, run: str, **changes: Any) -> EnrichOptions:
    """The options by which a run's table would be enriched once more, without a run folder.

    Args:
        run: the run folder as it is to be named.
        changes: options to replace. None leaves one as it was.

    Raises:
        InvalidRun: the folder does not hold them, or not all of them; or it was made from stored pages alone.
    """
    record = _record(folder, run)
    if record["flow"] == "resynthesize":
        raise InvalidRun(f"{run} was made from the stored pages of {record['options'].get('run')}: refresh that run.")
    enrichment: EnrichOptions = _options(EnrichOptions, folder, record.get(ENRICHMENT, record), run, changes)
    return replace(enrichment, reuse=None)


def _record(folder: RunFolder, out: str) -> Mapping[str, Any]:
    if folder.invocation is None:
        raise InvalidRun(
            f"{out} was made by a version that did not keep its options: run the command of the run once more with --out {out}. "
            "From then on, it is enough to name the folder."
        )
    return folder.invocation


def _options(kind: type, folder: RunFolder, record: Mapping[str, Any], out: str, changes: Mapping[str, Any]) -> Any:
    changed = {name: value for name, value in changes.items() if value is not None}
    if left_out := [name for name in record["withheld"] if name not in changed]:
        raise InvalidRun(
            f"{out}: the URL of its {' and '.join(left_out)} held a key, which is not written down. Name it again "
            f"({', '.join(f'--{name} URL' for name in left_out)}), or run the command of the run once more."
        )
    known = {option.name for option in declared(kind)}
    if unknown := sorted({*record["options"], *changed} - known):
        raise InvalidRun(f"{out}: {record['flow']} has no option {', '.join(unknown)}.")
    _check_files(record, out)
    schema = {"output_schema": folder.request["task"]["output_schema"]} if "output_schema" in known else {}
    return kind(**{**record["options"], **schema, **changed})


def _check_files(record: Mapping[str, Any], out: str) -> None:
    """Attached files that were named relative to a folder can be named so only from there."""
    relative = [file for file in record["options"].get("files") or () if not is_web(file) and not Path(file).is_absolute()]
    if missing := [file for file in relative if not local_path(file).exists()]:
        raise InvalidRun(
            f"{out}: there is no {missing[0]} here. The run was started in {record['directory']}, and its files are cited as "
            "they were named there: go on with it in that folder."
        )


def refuse_changed_table(folder: RunFolder, options: EnrichOptions, request: Request) -> None:
    """See that the table holds what it held when the run began.

    Raises:
        InvalidRun: it does not; says what can be done.
    """
    if request.table.fingerprint == folder.request.get("table"):
        return
    if folder.status == "finished":
        only_new = f"what is new, changed or stale in it: research refresh {options.out} --table {options.table}"
    else:
        only_new = f"what is new or changed in it: research enrich with this table, --reuse {options.out} and another --out"
    raise InvalidRun(
        f"{options.table} is not what it was when {options.out} began, so the rows of the run are not its rows. To research only "
        f"{only_new}. If the table of the run lies elsewhere, name it with --table."
    )


def without_secrets(url: str) -> str:
    """A URL without a user, a password and parameters that may be keys."""
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    harmless = [(name, value) for name, value in query if not any(word in name.lower() for word in _SECRET_WORDS)]
    kept = parts.query if len(harmless) == len(query) else urlencode(harmless)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, kept, parts.fragment))


def _absolute(place: str) -> str:
    """A path that means the same from everywhere. What stands behind `::` stays as it is."""
    path, mark, part = place.partition("::")
    return f"{Path.cwd() / local_path(path)}{mark}{part}"
