"""`research refresh`: look again at a finished run, and say what has changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from flows.cli.flow_run import carry_out
from flows.cli.options import as_command
from flows.cli.starting import Starting
from flows.cli.terminal import Output
from flows.run.declaration import Option, values
from flows.run.options import RefreshOptions


@dataclass(frozen=True, kw_only=True)
class RefreshCommand(RefreshOptions):
    """The flow's options, and those of the command alone."""

    group: ClassVar = "Run"

    dry_run: Annotated[bool, Option("Check everything, print the plan, run nothing.")] = False


@as_command(RefreshCommand)
def refresh(command: RefreshCommand, output: Output) -> int:
    """Research again what is stale of a finished run, of its table as it is now, into the next run folder of its series.

    A value whose pages still say the same is confirmed without a model. What has changed is in the table `changes`. The same
    command goes on where an earlier one stopped.
    """
    options = RefreshOptions(**values(command, RefreshOptions))
    with Starting(output) as starting:
        starting.step("reading the earlier run and its table")
        from flows.run.refresh import prepare_refresh

        return carry_out(lambda runtime: prepare_refresh(options, runtime), output, starting, dry_run=command.dry_run)
