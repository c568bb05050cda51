"""A run's request as its workers get it, in `request.json`: JSON, and without a secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flows.run.declaration import values
from flows.run.options import Options
from flows.run.prepared_run import PreparedRun
from flows.run.recorded_options import FLOWS


def request_for_workers(prepared: PreparedRun) -> dict[str, Any]:
    """The flow and the options of a run.

    Paths that name something here are absolute. Files keep their names, which are part of what they are cited by. The output
    schema is given as it was read, so that no worker looks for a file.
    """
    options = values(prepared.options, type(prepared.options), but=("out",))
    for name in ("corpus", "reuse", "run"):
        if (path := options.get(name)) is not None and Path(path).exists():
            options[name] = str(Path(path).resolve())
    if options.get("output_schema") is not None:
        options["output_schema"] = prepared.request.spec.spelling
    return {"flow": prepared.flow_name, "options": options}


def options_of(request: dict[str, Any]) -> Options:
    """The options of `request_for_workers`."""
    options: Options = FLOWS[request["flow"]](**request["options"])
    return options
