"""`research approve`: answer a run that waits in Prefect after its pilot."""

from __future__ import annotations

import asyncio
from typing import Annotated
from uuid import UUID

from cyclopts import Parameter
from cyclopts.validators import Number

from flows.cli.flow_run import quiet_prefect
from flows.cli.terminal import Exit, Output, out, print_json

NONE = Output()


def approve(
    run: str,
    /,
    *,
    stop: Annotated[bool, Parameter(show_default=False)] = False,
    max_cost: Annotated[float | None, Parameter(validator=Number(gt=0))] = None,
    output: Output = NONE,
) -> int:
    """Let a run go on that waits in Prefect after its pilot, as the form of its flow run does (Resume).

    Args:
        run: the run folder, or its URL; or the id of the flow run.
        stop: end the run instead. The rows of the pilot stay.
        max_cost: another cap: most US dollars that the run may cost, with what it has cost so far.
    """
    quiet_prefect(output.debug)
    key = None if _is_id(run) else _key(run)
    from flows.pilot_approval import PilotDecision, answer

    decision = PilotDecision(decision="stop" if stop else "go on", max_cost=max_cost)
    flow_run = asyncio.run(answer(run, key, decision))
    if output.json:
        print_json({"flow_run": flow_run.id, "name": flow_run.name, **decision.model_dump()})
    else:
        cap = "" if max_cost is None else f", for at most ${max_cost:,.2f}"
        what = "ends with its pilot" if stop else f"goes on{cap}, once a worker takes it"
        out().print(f"{flow_run.name} {what}", markup=False)
    return Exit.OK


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _key(run: str) -> str:
    from flows.run.environment import read_environment
    from flows.run.remote_folder import local_folder
    from research.tables.run_folder.run_folder import RunFolder

    return RunFolder.open(local_folder(run, read_environment().cache_dir)).key
