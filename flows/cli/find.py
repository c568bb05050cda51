"""`research find`: find what meets an objective, each row with the excerpt that admits it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from flows.cli.flow_run import carry_out_find
from flows.cli.options import as_command
from flows.cli.starting import Starting
from flows.cli.terminal import Exit, Output, out, print_json
from flows.run.declaration import Option, values
from flows.run.options import FindOptions

BOUNDS: Final = {"after", "before", "least", "most", "above", "below", "one_of"}


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
    from research.finding.wording import read_objective

    plan = read_objective(options.objective, options.conditions or ())
    if output.json:
        print_json({"event": "plan", **plan.model_dump(mode="json", exclude_defaults=True), "limit": options.limit})
        return Exit.OK
    lines = [f"looked for: {plan.kind or options.objective}"]
    for condition in plan.conditions:
        bounds = condition.model_dump(mode="json", include=BOUNDS, exclude_defaults=True)
        test = ", ".join(f"{name} {bound}" for name, bound in bounds.items())
        lines.append(f"  {condition.description}: {condition.value or 'yes or no'}{f' ({test})' if test else ''}")
    lines.append(f"up to {options.candidates} candidates are judged, until {options.limit} rows are found")
    out().print("\n".join(lines), markup=False)
    return Exit.OK
