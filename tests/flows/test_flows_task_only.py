"""Fields of one task that mean nothing for a table's run are refused by name, with what does their work there."""

from __future__ import annotations

import pytest

import flows
from flows.cli import main
from flows.run.declaration import declared
from flows.run.options import EnrichOptions
from flows.run.task_only_fields import MEANINGLESS
from research.errors import InvalidInput
from research.task.task import Task


async def test_a_call_is_told_of_each() -> None:
    with pytest.raises(InvalidInput) as refused:
        await flows.enrich("no-such.csv", visibility="public", handoff="artifact")
    assert [fault.pointer for fault in refused.value.faults] == ["/visibility", "/handoff"]
    assert "`export` writes a file" in str(refused.value)


@pytest.mark.parametrize("name", MEANINGLESS)
def test_so_is_the_command(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["enrich", "no-such.csv", f"--{name.replace('_', '-')}", "x"]) == 2
    assert MEANINGLESS[name][:20] in " ".join(capsys.readouterr().err.split())


def test_they_are_fields_of_a_task_and_no_options_of_a_run() -> None:
    assert set(MEANINGLESS) <= set(Task.model_fields)
    assert not set(MEANINGLESS) & {option.name for option in declared(EnrichOptions)}
