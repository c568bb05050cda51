"""`research answer`: answer the questions of a run's rows."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from flows.cli.deciding import goes_on, waiting_of, wrote
from flows.cli.terminal import Output

NONE = Output()


def answer(run: str, file: Path, /, *, output: Output = NONE) -> int:
    """Answer what the rows of a run ask; they go on from where they stood. If there is no FILE yet, one is made that holds
    the open questions: fill it in, and give the same command again.

    Args:
        run: the run folder, or its URL.
        file: CSV, JSON or JSON lines: a line a question, with `row`, `question_id` and `answer`.
    """
    from flows.run.decision_files import read_answers, write_questions
    from research.errors import NotWaiting

    waiting = waiting_of(run, "questions")
    if not waiting.rows:
        raise NotWaiting(f"no row of {run} waits for an answer.")
    if not file.exists():
        write = partial(write_questions, file, waiting.rows, waiting.labels)
        return wrote(file, write, f"fill in its column `answer`, then: research answer {run} {file}", output)
    return goes_on(run, waiting, read_answers(file, waiting.rows), output)
