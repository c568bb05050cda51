"""`research resynthesize`: new columns, or another model, over the pages that a run has stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from flows.cli.flow_run import carry_out
from flows.cli.options import as_command
from flows.cli.starting import Starting
from flows.cli.terminal import Output
from flows.run.declaration import Option, values
from flows.run.options import ResynthesizeOptions


@dataclass(frozen=True, kw_only=True)
class ResynthesizeCommand(ResynthesizeOptions):
    """The flow's options, and those of the command alone."""

    group: ClassVar = "Run"

    dry_run: Annotated[bool, Option("Check everything, print the plan, run nothing.")] = False


@as_command(ResynthesizeCommand)
def resynthesize(command: ResynthesizeCommand, output: Output) -> int:
    """Answer a schema from the pages that a run has stored, into another run folder. Nothing is searched for, nothing is fetched.

    Fields that the run asked for in the same words keep its answers. The same command goes on where an earlier one stopped.
    """
    options = ResynthesizeOptions(**values(command, ResynthesizeOptions))
    with Starting(output) as starting:
        starting.step("reading the earlier run")
        from flows.run.prepare import prepare_resynthesis

        return carry_out(lambda runtime: prepare_resynthesis(options, runtime), output, starting, dry_run=command.dry_run)
