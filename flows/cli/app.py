"""The command's parts put together, and its one way of failing: a message a person can use, and an exit code."""

from __future__ import annotations

import importlib.metadata
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cyclopts import App, CycloptsError, Parameter, UnknownOptionError, UnusedCliTokensError, ValidationError

from flows.cli.answer import answer
from flows.cli.approve import approve
from flows.cli.clean import clean
from flows.cli.compare import compare
from flows.cli.doctor import doctor
from flows.cli.enrich import enrich
from flows.cli.export import export
from flows.cli.find import find
from flows.cli.history import history
from flows.cli.look import show, verify
from flows.cli.mcp import mcp
from flows.cli.monitor import monitor
from flows.cli.refresh import refresh
from flows.cli.report import report
from flows.cli.resume import resume
from flows.cli.resynthesize import resynthesize
from flows.cli.review import review
from flows.cli.run import run
from flows.cli.runs import runs
from flows.cli.schema import check
from flows.cli.score import calibrate, score
from flows.cli.serve import keys, serve, worker
from flows.cli.terminal import Exit, note, print_json
from flows.cli.watch import watch
from research.durable.surroundings import system_fault
from research.errors import Interruption, InvalidInput, LimitReached, ResearchError

app: Final = App(
    name="research",
    help="Bulk web research for tables: typed answers, with the evidence for every cell.",
    version=lambda: importlib.metadata.version("research-flows"),
    help_format="markdown",
    default_parameter=Parameter(negative=()),
    result_action="return_value",
    suppress_keyboard_interrupt=False,  # it would end the process without a word
)
schemas: Final = App(name="schema", help="Work with output schemas.")

for command in (
    enrich,
    find,
    refresh,
    resume,
    approve,
    answer,
    resynthesize,
    run,
    runs,
    watch,
    show,
    history,
    report,
    verify,
    score,
    compare,
    calibrate,
    export,
    clean,
    doctor,
    serve,
    worker,
    mcp,
):
    app.command(command)
schemas.command(check)
app.command(schemas)
app.command(review)
app.command(keys)
app.command(monitor)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns its exit code; never raises.

    Args:
        arguments: without the program's name; None takes the process's own.
    """
    typed = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return int(app(typed, exit_on_error=False, print_error=False) or Exit.OK)
    except UnusedCliTokensError as error:
        return _failed(_too_many_runs(error, typed) or _too_much(error), typed, Exit.BAD_INPUT, _help(error))
    except CycloptsError as error:
        return _failed(_standard_input(error) or _task_only(error) or _as_typed(error), typed, Exit.BAD_INPUT, _help(error))
    except InvalidInput as error:
        return _failed(error, typed, Exit.BAD_INPUT)
    except LimitReached as error:
        return _failed(error, typed, Exit.LIMIT, "raise the limit and run the same command to go on")
    except Interruption as error:
        return _failed(error, typed, Exit.LIMIT, "once that is put right, the same command goes on")
    except KeyboardInterrupt as error:
        return _failed(error, typed, Exit.INTERRUPTED)
    except ResearchError as error:
        return _failed(error, typed, Exit.BAD_INPUT if error.stops_run else Exit.BROKEN)
    except OSError as error:
        if (fault := system_fault(error)) is None:
            return _failed(error, typed, Exit.BROKEN, "this is a bug; --debug shows where")
        return _failed(fault, typed, Exit.LIMIT, "once that is put right, the same command goes on")
    except Exception as error:  # noqa: BLE001  # the last stop: a person gets a sentence, with --debug the traceback
        return _failed(error, typed, Exit.BROKEN, "this is a bug; --debug shows where")


def _as_typed(error: CycloptsError) -> CycloptsError:
    """An error that quotes a value as it was typed, and not as the number that was made of it: 0, not 0.0."""
    if isinstance(error, ValidationError) and error.argument and len(error.argument.tokens) == 1:
        error.value = error.argument.tokens[0].value
    return error


def _standard_input(error: CycloptsError) -> InvalidInput | None:
    """What to say of `-` in the place of a file."""
    if not isinstance(error, UnknownOptionError) or "-" not in (error.token.keyword, error.token.value):
        return None
    return InvalidInput("-: standard input is not read: write it to a file first, and name that.")


def _task_only(error: CycloptsError) -> InvalidInput | None:
    """What to say of a task's field that is no option of a table's run."""
    from flows.run.task_only_fields import refuse_task_only

    chain = error.command_chain or ()
    if not isinstance(error, UnknownOptionError) or not {*chain[:1]} & {"enrich", "resynthesize", "refresh", "find"}:
        return None
    try:
        refuse_task_only([(error.token.keyword or "").lstrip("-").replace("-", "_")])
    except InvalidInput as refused:
        return refused
    return None


def _help(error: CycloptsError) -> str:
    return f"{' '.join(('research', *(error.command_chain or ())))} --help shows what there is"


def _too_much(error: UnusedCliTokensError) -> InvalidInput:
    """What to say of words that no option takes, such as the second of a value without quotes."""
    tokens = error.unused_tokens or ()
    if (error.command_chain or ())[:1] == ("show",) and tokens and tokens[0].isdecimal():
        named = [f"{option} {token}" for option, token in zip(("--row", "--field"), tokens, strict=False)]
        return InvalidInput(f"`{' '.join(tokens)}` belongs to no option; a row is named by {' '.join(named)}")
    words = [f"`{token}`" for token in tokens]
    belong = "belongs" if len(words) == 1 else "belong"
    return InvalidInput(f"{' '.join(words)} {belong} to no option; a value of several words stands in quotes.")


def _too_many_runs(error: UnusedCliTokensError, arguments: Sequence[str]) -> InvalidInput | None:
    """What to say if the shell made several run folders of one pattern, such as `runs/missions-*`."""
    from research.tables.run_folder.finding import several
    from research.tables.run_folder.run_document import RUN_FILE

    unused = [token for token in error.unused_tokens or () if (Path(token) / RUN_FILE).exists()]
    runs = [token for token in arguments if not token.startswith("-") and (Path(token) / RUN_FILE).exists()]
    return InvalidInput(several("this", runs)) if unused else None


def _failed(error: BaseException, arguments: Sequence[str], code: Exit, hint: str = "") -> int:
    if "--debug" in arguments:
        note("".join(traceback.format_exception(error)))
    message = "stopped" if isinstance(error, KeyboardInterrupt) else str(error) or type(error).__name__
    if "--json" in arguments:
        faults = [{"pointer": fault.pointer, "message": fault.message} for fault in getattr(error, "faults", ())]
        print_json({"event": "error", "kind": type(error).__name__, "message": message, "faults": faults, "exit_code": int(code)})
    what = f"{'' if code is Exit.INTERRUPTED else 'error: '}{message}"
    note("\n".join([what, *getattr(error, "__notes__", ()), *([hint] if hint else [])]))
    return int(code)
