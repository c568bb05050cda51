"""`research clean`: remove from a run folder what nobody needs any more."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from cyclopts import Parameter

from flows.cli.terminal import Exit, Output, out, print_json
from research.storage.location import is_url

NONE = Output()


def clean(run: str, /, *, everything: Annotated[bool, Parameter(name="--all")] = False, output: Output = NONE) -> int:
    """Remove the working state of finished rows, and what killed runs left. Tables and the paid work of unfinished rows stay.

    Args:
        run: the run folder, on this disk. No process may be running it.
        everything: remove the finished steps of unfinished rows as well; they are paid for again if the run goes on.
    """
    from flows.run.cleaning import clean as remove
    from research.errors import InvalidRun
    from research.tables.run_folder.finding import find_run
    from research.tables.run_folder.run_folder import RunFolder

    if is_url(run):
        raise InvalidRun(
            f"{run}: a run on object storage removes itself what it needs no more; clean is for folders on this disk."
        )
    freed = remove(RunFolder.open(find_run(run)), everything=everything)
    if output.json:
        print_json(asdict(freed))
    else:
        kept = f"; {_megabytes(freed.kept_bytes)} that unfinished rows need stay" if freed.kept_bytes else ""
        out().print(f"{freed.files} files removed, {_megabytes(freed.bytes)} freed{kept}", markup=False)
    return Exit.OK


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 100_000 else f"{size / 1e3:,.1f} kB"
