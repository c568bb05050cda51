"""The order that the source is kept in: rooms, import contracts, small modules, dependencies with a reason."""

from __future__ import annotations

import importlib.metadata
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).parents[2]
PYPROJECT: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONTRACTS: Final[list[dict[str, Any]]] = PYPROJECT["tool"]["importlinter"]["contracts"]
SOURCES: Final = [path for package in ("research", "flows") for path in sorted((ROOT / package).rglob("*.py"))]

MOST_MODULES_OUTSIDE_ROOMS = 8
MOST_LINES = 400


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def layers(contract: dict[str, Any]) -> Iterator[str]:
    """The full names of the modules that a contract puts in order."""
    for line in contract.get("layers", ()):
        for name in re.split(r"\s*[|:]\s*", line):
            yield from [f"{container}.{name}" for container in contract.get("containers", ())] or [name]


def test_every_module_lies_in_a_layer_of_a_contract() -> None:
    ordered = {layer for contract in CONTRACTS for layer in layers(contract)}
    containers = {container for contract in CONTRACTS for container in contract.get("containers", ())}
    modules = {module_of(path) for path in SOURCES} - containers
    assert sorted(module for module in modules if not any(f"{module}.".startswith(f"{layer}.") for layer in ordered)) == []


def test_no_contract_has_an_exception_and_none_forgets_a_module() -> None:
    assert [contract["name"] for contract in CONTRACTS if "ignore_imports" in contract] == []
    assert [contract["name"] for contract in CONTRACTS if "containers" in contract and not contract.get("exhaustive")] == []
    assert "research" in {container for contract in CONTRACTS for container in contract.get("containers", ())}


def test_few_modules_of_the_engine_lie_outside_a_room() -> None:
    outside = sorted(path.name for path in (ROOT / "research").glob("*.py"))
    assert len(outside) <= MOST_MODULES_OUTSIDE_ROOMS, outside


def test_no_module_of_the_flows_hides_a_package() -> None:
    """Prefect puts the folder of a deployed flow before all others, so that `import mcp` would find a module of ours."""
    ours = {path.stem for path in (ROOT / "flows").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert sorted(ours & ({*importlib.metadata.packages_distributions()} | sys.stdlib_module_names)) == []


def test_no_module_is_long() -> None:
    lengths = {module_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert {module: lines for module, lines in lengths.items() if lines > MOST_LINES} == {}


def test_a_dependency_is_installed_if_and_only_if_the_page_says_why() -> None:
    page = (ROOT / "docs" / "design" / "dependencies.md").read_text(encoding="utf-8")
    cells = [row.split("|")[1] for row in page.splitlines() if row.startswith("| ") and not row.startswith("| package")]
    explained = {name.strip() for cell in cells for name in re.sub(r"\(.*?\)", "", cell).split(",")}
    installed = {Requirement(line).name for line in PYPROJECT["project"]["dependencies"]}
    assert explained == installed


@pytest.mark.parametrize("extra", PYPROJECT["project"]["optional-dependencies"])
def test_what_an_extra_brings_is_on_the_page(extra: str) -> None:
    """Packages that only hold types need no reason of their own."""
    prose = (ROOT / "docs" / "design" / "dependencies.md").read_text(encoding="utf-8").split("For developers:")[1]
    names = {Requirement(line).name for line in PYPROJECT["project"]["optional-dependencies"][extra]}
    assert sorted(name for name in names if name not in prose and "stubs" not in name and "types-" not in name) == []


def test_everything_that_is_installed_is_pinned() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = {canonicalize_name(Requirement(line).name) for line in lines if line and not line.startswith("#")}
    project = PYPROJECT["project"]
    wanted = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    assert sorted({canonicalize_name(Requirement(line).name) for line in wanted} - pins) == []
