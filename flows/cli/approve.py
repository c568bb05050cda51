"""`research approve`: approve the plans of a run's rows; or answer a run that waits in Prefect after its pilot."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from cyclopts import Parameter
from cyclopts.validators import Number

from flows.cli.deciding import Waiting, goes_on, rows_of, same_for, waiting_of, wrote
from flows.cli.flow_run import quiet_prefect
from flows.cli.terminal import Exit, Output, out, print_json

if TYPE_CHECKING:
    from flows.run.decisions import RowDecisions

NONE = Output()


def approve(
    run: str,
    /,
    *,
    rows: str | None = None,
    edits: Path | None = None,
    stop: Annotated[bool, Parameter(show_default=False)] = False,
    max_cost: Annotated[float | None, Parameter(validator=Number(gt=0))] = None,
    output: Output = NONE,
) -> int:
    """Approve the plans of a run's rows, which go on then. Of a run whose rows wait for nothing: let it go on after its pilot, as
    the form of its flow run in Prefect does (Resume).

    Args:
        run: the run folder, or its URL; or the id of a flow run that waits after its pilot.
        rows: only these, by their places in the input: `0-9,12`. Default: all that wait.
        edits: a file with the sub-queries of plans, a line each, which are carried out as they are there; only the rows in it.
            If there is no such file yet, one is made that holds every plan that waits: edit it, and give the same command again.
        stop: carry nothing out: the rows end as cancelled; after a pilot, the run ends, and its rows stay.
        max_cost: another cap: most US dollars that the run may cost, with what it has cost so far.
    """
    from research.errors import InvalidInput

    waiting = None if _is_id(run) else waiting_of(run, "plan")
    if waiting is None or not waiting.rows:
        if rows is not None or edits is not None:
            raise InvalidInput(f"no row of {run} waits for the approval of its plan.")
        return _after_pilot(run, None if waiting is None else waiting.folder.key, stop, max_cost, output)
    if edits is not None and not edits.exists():
        from flows.run.decision_files import write_plans

        write = partial(write_plans, edits, waiting.rows, waiting.labels)
        return wrote(edits, write, f"edit its sub-queries, then: research approve {run} --edits {edits}", output)
    return goes_on(run, waiting, _decisions(waiting, rows, edits, stop), output, max_cost=max_cost)


def _decisions(waiting: Waiting, rows: str | None, edits: Path | None, stop: bool) -> RowDecisions:
    from flows.run.decision_files import read_plans
    from research.errors import InvalidInput
    from research.task.decisions import PlanDecision

    known = [each.row for each in waiting.rows]
    if edits is not None:
        if stop or rows is not None:
            raise InvalidInput("--edits says which rows are approved: leave out --stop and --rows.")
        return read_plans(edits, waiting.rows)
    chosen = known if rows is None else rows_of(rows, known)
    return same_for(chosen, PlanDecision(decision="stop" if stop else "approve"))


def _after_pilot(run: str, key: str | None, stop: bool, max_cost: float | None, output: Output) -> int:
    quiet_prefect(output.debug)
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
