"""`research report`: a run as one HTML file in which people look at cells, and decide about them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from flows.cli.named_run import open_named
from flows.cli.terminal import Exit, Output, out, print_json

if TYPE_CHECKING:
    from research.tables.report_page.report import EmbedPages
else:
    from typing import Literal

    EmbedPages = Literal["cited", "all"]  # what the command line is read by, without importing what writes the sheet

NONE = Output()


def report(
    run: str,
    /,
    *,
    to: Annotated[Path | None, Parameter(name="--out")] = None,
    embed_pages: EmbedPages = "cited",
    output: Output = NONE,
) -> int:
    """Write the review sheet of a run: one HTML file that opens by a double click and needs no network.

    Args:
        run: the run folder, or its URL.
        to: where to write it. Default: `report.html` in the run folder; of a run by URL, `<name>.html` here.
        embed_pages: `cited`: what stands around each excerpt. `all`: the whole text of every page that a cell cites.
    """
    from research.errors import InvalidInput
    from research.storage.location import is_url
    from research.tables.report_page.report import write_report

    folder = open_named(run)
    if to is None and is_url(run):
        to = Path(f"{folder.path.name}.html")
    if to is not None and to.is_dir():
        raise InvalidInput(f"--out {to} is a folder: name a file in it, for example {to / 'report.html'}")
    made = write_report(folder, to, embed_pages=embed_pages)
    size = made.stat().st_size
    if output.json:
        print_json({"file": str(made), "bytes": size})
    else:
        out().print(f"{made}: {size / 1e6:.1f} MB; open it in a browser", markup=False)
    return Exit.OK
