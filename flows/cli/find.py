"""`research find`: find what meets an objective, each row with the excerpt that admits it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

from flows.cli.flow_run import carry_out_find
from flows.cli.options import as_command
from flows.cli.starting import Starting
from flows.cli.terminal import Exit, Output, out, print_json
from flows.run.declaration import Option, values
from flows.run.options import FindOptions

if TYPE_CHECKING:
    from research.ports.conditions import Condition

_BOUNDS: Final = {
    "after": "on or after",
    "before": "on or before",
    "least": "at least",
    "most": "at most",
    "above": "more than",
    "below": "less than",
}
"""The bounds of a condition, as they are said."""
OWN_WORDS: Final = "yes or no in its own words, as code reads no number, date or name in it"


@dataclass(frozen=True, kw_only=True)
class FindCommand(FindOptions):
    """The flow's options, and those of the command alone."""

    group: ClassVar = "Run"

    dry_run: Annotated[
        bool, Option("Show the conditions that the words of the objective make, and run nothing. A model may read it otherwise.")
    ] = False


@as_command(FindCommand)
def find(command: FindCommand, output: Output) -> int:
    """Find what meets an objective, and show for each row the excerpts that admit it.

    Candidates are collected from searches and pages; each is judged condition by condition, and only those that evidence admits
    are rows of the result. The same command goes on where an earlier one stopped; with `--extend N`, for N rows more.
    """
    options = FindOptions(**values(command, FindOptions))
    if command.dry_run:
        return show_plan(options, output)
    with Starting(output) as starting:
        starting.step("checking the objective")
        return carry_out_find(options, output, starting)


def show_plan(options: FindOptions, output: Output) -> int:
    """What the words of the objective make. Reads nothing else."""
    from flows.run.finding import NOT_CHECKED
    from research.finding.wording import read_objective, unstated

    plan = read_objective(options.objective, options.conditions or ())
    if output.json:
        print_json({"event": "plan", **plan.model_dump(mode="json", exclude_defaults=True), "limit": options.limit})
        return Exit.OK
    lines = [f"looked for: {plan.kind or options.objective}"]
    lines += [f"  {each.description}: {each.value or OWN_WORDS}{_test_of(each)}" for each in plan.conditions]
    if options.conditions and (left := unstated(options.objective, plan)):
        lines.append(f"{NOT_CHECKED}: {'; '.join(left)}")
    lines.append(f"up to {options.candidates} candidates are judged, until {options.limit} rows are found")
    out().print("\n".join(lines), markup=False)
    return Exit.OK


def _test_of(condition: Condition) -> str:
    """The test of a condition's value: ` (on or before 1979-12-31)`."""
    tests = [f"{said} {bound}" for name, said in _BOUNDS.items() if (bound := getattr(condition, name)) is not None]
    if condition.one_of:
        tests.append(f"must be {' or '.join(condition.one_of)}")
    return f" ({', '.join(tests)})" if tests else ""
