"""Where output goes: answers to stdout, everything else to stderr; JSON lines for programs."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter
from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook
from rich.segment import Segment

from flows.cli.streams import in_letters_of
from research.display.figures import count
from research.display.printable import printable, printable_json
from research.models.names import KEYLESS

if TYPE_CHECKING:
    from flows.run.events import Approver, PilotFinished

SUSPECTED: Final = "[tries to instruct a model?]"
WIDTH_OF_A_PIPE: Final = 160
"""Width of a table where there is no terminal."""


@Parameter(name="*")
@dataclass(frozen=True)
class Output:
    """Options that every command has."""

    json: Annotated[bool, Parameter(name="--json", show_default=False)] = False
    """One JSON object per line on stdout, and nothing else there."""
    debug: Annotated[bool, Parameter(name="--debug", show_default=False)] = False
    """Show the traceback of an error."""


def out() -> Console:
    """The console for answers. Made at each use, because stdout may have been replaced."""
    return _harmless(Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else WIDTH_OF_A_PIPE))


def err() -> Console:
    """The console for progress, notes and errors."""
    return _harmless(Console(file=sys.stderr, highlight=False, soft_wrap=not sys.stderr.isatty()))


def _harmless(console: Console) -> Console:
    """The console, which from now on shows what a terminal would obey. Its own colours and movements are no text, and stay."""
    console.push_render_hook(_Harmless())
    return console


class _Harmless(RenderHook):
    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_HarmlessText(each) for each in renderables]


class _HarmlessText:
    def __init__(self, inner: ConsoleRenderable) -> None:
        self._inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for segment in console.render(self._inner, options):
            yield segment if segment.control else Segment(printable(segment.text), segment.style)


def note(text: str) -> None:
    """A line for people, on stderr."""
    err().print(text, markup=False)


def print_json(value: Any) -> None:
    """One line of JSON on stdout, at once. What is not JSON (paths, dates) is written as text."""
    print_json_text(json.dumps(value, ensure_ascii=False, default=str))


def print_json_text(text: str) -> None:
    """The same of a value that is JSON already."""
    sys.stdout.write(in_letters_of(sys.stdout, printable_json(text)) + "\n")
    sys.stdout.flush()


def described(model: str) -> str:
    """A model's name; of the keyless baseline, that it is one, so that it is not taken for more."""
    return model + (" (keyless baseline; no model key was used)" if model == KEYLESS else "")


def money(cost_usd: float | None) -> str:
    return "cost unknown" if cost_usd is None else f"${cost_usd:,.4f}".rstrip("0").rstrip(".") if cost_usd else "$0"


def page_at(url: str, *, suspected: bool) -> str:
    """A page's address for a person, marked if the page looks as if it tries to instruct a model."""
    return f"{SUSPECTED} {url}" if suspected else url


def shown(value: Any) -> str:
    """A value for a person: text as it is, nothing as a dash, the rest as JSON."""
    if value is None:
        return "–"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


class Exit(IntEnum):
    """Exit codes. After 3, 4, 5, 7, 130 and 143 the same command continues: it does only what is left."""

    OK = 0
    """All rows are completed."""
    BROKEN = 1
    """A bug in this program; or something in the run folder is not as it was written."""
    BAD_INPUT = 2
    """The request is wrong, or no row can be researched (a wrong key, an unknown model). Nothing was done or spent."""
    ROWS_FAILED = 3
    """The run is finished, and some rows failed."""
    LIMIT = 4
    """A limit stopped the run, or an error that every row would have met."""
    FAILED = 5
    """The run is finished and failed as a whole: no row could be researched, or more failed than `--fail-over` allows."""
    ROWS_REFUSED = 6
    """The run is finished, and the rows that failed cannot be asked as the table stands: running again cannot mend them."""
    WAITING = 7
    """Rows wait for people: for the approval of a plan, or for answers."""
    INTERRUPTED = 130
    """Ctrl-C, or Cancel in Prefect, stopped the run."""
    TERMINATED = 143
    """SIGTERM stopped the run."""


def approver(yes: bool, as_json: bool) -> Approver | None:
    """Decides after a pilot: always yes (`--yes`), or what the person at the terminal says. None: there is no terminal."""
    if yes:
        return _always_yes
    return None if as_json or not (sys.stdin.isatty() and sys.stderr.isatty()) else _ask


async def _always_yes(_pilot: PilotFinished) -> bool:
    return True


async def _ask(pilot: PilotFinished) -> bool:
    err().print(f"Go on with {count(pilot.rows_left, 'row')}? [y/N] ", end="", markup=False)
    return (await _line()).strip().lower() in ("y", "yes")


async def _line() -> str:
    """A line of stdin, awaited on the event loop: a thread that waits for input could not be ended by Ctrl-C."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    try:
        loop.add_reader(sys.stdin, ready.set)
    except NotImplementedError:  # Windows
        return await asyncio.to_thread(sys.stdin.readline)
    try:
        await ready.wait()
        return sys.stdin.readline()
    finally:
        loop.remove_reader(sys.stdin)
