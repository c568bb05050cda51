"""`research doctor`: what the command finds around it, and what to do about what is wrong. It changes nothing."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from flows.cli.terminal import Exit, Output, out, print_json

if TYPE_CHECKING:
    from flows.run.checkup import Finding


def doctor(*, output: Output = Output()) -> int:  # noqa: B008  # frozen, and how cyclopts gives defaults
    """Print what is around the command: versions, Prefect's server, settings, keys, caches, disks, proxies, and what to do.

    A key is never shown, only whether it is there.
    """
    from flows.cli.flow_run import quiet_prefect
    from flows.run.checkup import surroundings

    quiet_prefect(output.debug)
    findings = [*surroundings(os.environ, sys.stdout.encoding), *asyncio.run(_prefect())]
    wrong = [finding for finding in findings if finding.advice]
    if output.json:
        print_json({"findings": [vars_of(finding) for finding in findings], "problems": len(wrong)})
        return Exit.BAD_INPUT if wrong else Exit.OK
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for finding in findings:
        mark = Text("!", style="bold red") if finding.advice else Text("")
        table.add_row(mark, Text(finding.about, style="dim"), Text(finding.what), Text(finding.found))
    out().print(table)
    for finding in wrong:
        out().print(f"! {finding.what}: {finding.advice}", markup=False)
    out().print("nothing is wrong" if not wrong else f"{len(wrong)} to put right", markup=False)
    return Exit.BAD_INPUT if wrong else Exit.OK


def vars_of(finding: Finding) -> dict[str, str]:
    """A finding as JSON."""
    return {name: getattr(finding, name) for name in ("about", "what", "found", "advice")}


async def _prefect() -> list[Finding]:
    from flows.cli.flow_run import wrong_settings
    from flows.run.checkup import Finding

    try:
        from flows.server import describe_server
    except ValueError as error:  # all that Prefect raises of settings and of profiles that it cannot read
        return [Finding("prefect", "settings", "cannot be read", wrong_settings(error))]
    return list(await describe_server())
