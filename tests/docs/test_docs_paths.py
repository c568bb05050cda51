"""A module that the docs name exists, and its name leaves no doubt which one is meant; every page and every room can be found."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.docs.docs_blocks import DOCUMENTS, ROOT

MODULE = re.compile(r"`([\w./-]+\.py)`")
OF_MANY_FOLDERS = {"__init__.py", "conftest.py"}
"""Names of files that any folder may have."""
FOLDERS = ("research", "flows", "tests", "notebooks", "docs")
LINK = re.compile(r"\]\(([^)\s#]+\.md)(?:#[^)\s]*)?\)")
MODULES = [f"/{path.relative_to(ROOT)}" for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]


@pytest.mark.parametrize("document", [*DOCUMENTS, "CONTRIBUTING.md"])
def test_every_module_that_a_document_names_is_one_that_exists(document: str) -> None:
    prose = re.sub(r"^```.*?^```", "", (ROOT / document).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for name in set(MODULE.findall(prose)) - OF_MANY_FOLDERS:
        found = [f"/{name}"] if f"/{name}" in MODULES else [path for path in MODULES if path.endswith(f"/{name}")]
        assert len(found) == 1, f"{document} names {name}, which is {found or 'no module'}"


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set[Path](), [Path("README.md")]
    while waiting:
        page = waiting.pop()
        if page not in reached:
            reached.add(page)
            links = LINK.findall((ROOT / page).read_text(encoding="utf-8"))
            waiting += [Path(os.path.normpath(page.parent / link)) for link in links if "://" not in link]
    assert {path.relative_to(ROOT) for path in (ROOT / "docs").rglob("*.md")} - reached == set()


@pytest.mark.parametrize("package", ["research", "flows"])
def test_every_room_and_module_of_a_package_is_in_the_page_of_the_house(package: str) -> None:
    named = set(re.findall(r"`(\w+)/?`", (ROOT / "docs/design/house.md").read_text(encoding="utf-8")))
    there = {path.stem for path in (ROOT / package).iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert {name for name in there if not name.startswith("__")} - named == set()
