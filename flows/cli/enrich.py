"""`research enrich`: research every row of a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from flows.cli.flow_run import carry_out
from flows.cli.options import as_command
from flows.cli.pandas_on_demand import import_pandas_on_demand
from flows.cli.starting import Starting
from flows.cli.terminal import Output, approver
from flows.run.declaration import Option, values
from flows.run.options import EnrichOptions


@dataclass(frozen=True, kw_only=True)
class EnrichCommand(EnrichOptions):
    """The flow's options, and those of the command alone."""

    group: ClassVar = "Run"

    yes: Annotated[bool, Option("Go on after the pilot without asking.")] = False
    dry_run: Annotated[bool, Option("Check everything, print the plan, run nothing.")] = False


@as_command(EnrichCommand)
def enrich(command: EnrichCommand, output: Output) -> int:
    """Research every row of a table, and put answers, evidence and usage into a run folder.

    The same command goes on where an earlier one stopped: rows that are completed stay, rows that failed are tried again.
    """
    options = EnrichOptions(**values(command, EnrichOptions))
    with Starting(output) as starting:
        starting.step("checking the table and the schema")
        import_pandas_on_demand()  # before the table is read, which makes arrays of Python's values
        from flows.run.request import Request  # first, with what it needs: most mistakes are found there

        request = Request.of(options)
        from flows.run.prepare import prepare_enrichment

        return carry_out(
            lambda runtime: prepare_enrichment(options, runtime, request),
            output,
            starting,
            dry_run=command.dry_run,
            approve=approver(command.yes, output.json),
        )
