"""The tests' own database of Prefect, which is made once."""

from __future__ import annotations

from pathlib import Path

from tests.prefect_database import DATABASE, take


def test_a_database_that_a_server_has_left_is_not_written_over(tmp_path: Path) -> None:
    """SQLite would write what is in the log of the old one into the new one."""
    made, home = tmp_path / "made", tmp_path / "home"
    made.mkdir()
    (made / DATABASE).write_text("made")
    assert take(made, home)
    assert (home / DATABASE).read_text() == "made"
    (home / DATABASE).write_text("of a server")
    assert take(made, home)
    assert (home / DATABASE).read_text() == "of a server"
