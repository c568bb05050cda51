"""A module that the docs name exists, and its name leaves no doubt which one is meant."""

from __future__ import annotations

import re

import pytest

from tests.docs.docs_blocks import DOCUMENTS, ROOT

MODULE = re.compile(r"`([\w./-]+\.py)`")
OF_MANY_FOLDERS = {"__init__.py", "conftest.py"}
"""Names of files that any folder may have."""
FOLDERS = ("research", "flows", "tests", "notebooks", "docs")
MODULES = [f"/{path.relative_to(ROOT)}" for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]


@pytest.mark.parametrize("document", [*DOCUMENTS, "CONTRIBUTING.md"])
def test_every_module_that_a_document_names_is_one_that_exists(document: str) -> None:
    prose = re.sub(r"^```.*?^```", "", (ROOT / document).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for name in set(MODULE.findall(prose)) - OF_MANY_FOLDERS:
        found = [f"/{name}"] if f"/{name}" in MODULES else [path for path in MODULES if path.endswith(f"/{name}")]
        assert len(found) == 1, f"{document} names {name}, which is {found or 'no module'}"
