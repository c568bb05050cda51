"""The options of one task: a part of the declarations in `flows/run/options.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from flows.run.declaration import Option
from research.money.limits import RANGES, ProcessorName
from research.task.modes import Mode


@dataclass(frozen=True, kw_only=True)
class TaskOptions:
    """What to find out in each task, and how much it may use. A row of a table is one task."""

    group: ClassVar = "Task"

    output_schema: Annotated[
        str | dict[str, Any] | None,
        Option(
            "What to find out: an output schema, as a file or as JSON. Without it, one free answer.",
            "FILE",
            flag="schema",
            path=True,
        ),
    ] = None
    processor: Annotated[
        ProcessorName | None,
        Option("How much may be spent on a task: the tier. Default: that of the agent's profile, else `core`.", "TIER"),
    ] = None
    max_subqueries: Annotated[int | None, Option("Most sub-queries. Default: 8.", within=RANGES["max_subqueries"])] = None
    max_fetches: Annotated[int | None, Option("Most pages read. Default: 18.", within=RANGES["max_fetches"])] = None
    max_steps: Annotated[
        int | None, Option("Most model calls of one investigation. Default: the tier's own.", within=RANGES["max_steps"])
    ] = None
    mode: Annotated[
        Mode,
        Option(
            "How a task is researched. `agent`: with every tool. `chat`: by searches alone. `plan`: its plan is shown, and "
            "carried out once somebody has approved it (`research approve`).",
            "MODE",
        ),
    ] = "agent"
    auto_execute_plan: Annotated[bool, Option("In mode `plan`: carry plans out without waiting for anybody.")] = False
    allow_questions: Annotated[
        bool, Option("Let the model ask people. A row then waits for its answer (`research answer`); the others go on.")
    ] = False
    verify_loops: Annotated[
        int | None,
        Option(
            "How often each value is checked against its evidence, and what fails is researched again. Default: 0.",
            within=RANGES["verify_loops"],
        ),
    ] = None
    agent_ids: Annotated[
        list[str] | None,
        Option(
            "The agent that researches each task, by the name of its profile; several divide the sub-queries of the tier "
            "`research`.",
            "NAME",
            flag="agent",
        ),
    ] = None
    agents_dir: Annotated[
        str | None,
        Option(
            "The folder of the profiles, a file `NAME.toml` each. Default: `RESEARCH_AGENTS_DIR`, else `agents`.",
            "DIR",
            path=True,
        ),
    ] = None
