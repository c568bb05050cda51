"""The code blocks of the documentation, and the small place that its examples name: tables, schemas, a folder of pages."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DOCUMENTS: Final = ("README.md", *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md")))
RUN: Final = Path("runs/missions-3f9a1c20")

_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED_COMMAND = re.compile(r"(?<=\n\n) {4}(research .*)\n")


@dataclass(frozen=True)
class Block:
    """One code block: a fenced one, or an indented line with a command."""

    document: str
    line: int
    language: str
    code: str

    @property
    def place(self) -> str:
        return f"{self.document}:{self.line}"


def blocks(document: str) -> list[Block]:
    text = (ROOT / document).read_text(encoding="utf-8")

    def line(offset: int) -> int:
        return text.count("\n", 0, offset) + 1

    fenced = [Block(document, line(m.start(2)), m[1], m[2]) for m in _FENCED.finditer(text)]
    commands = [Block(document, line(m.start(1)), "sh", m[1] + "\n") for m in _INDENTED_COMMAND.finditer(text)]
    return sorted([*fenced, *commands], key=lambda block: block.line)


def blocks_in(*languages: str) -> list[Block]:
    return [block for document in DOCUMENTS for block in blocks(document) if block.language in languages]


def documents_with(language: str) -> list[str]:
    return sorted({block.document for block in blocks_in(language)})


def lay_out(folder: Path) -> None:
    """Write the files that the examples name, small: twenty missions, three pages."""
    missions = ["Voyager 1" if number % 2 else "Giotto" for number in range(20)]
    table = "mission,year\n" + "".join(f"{mission},1977\n" for mission in missions)
    facts = {"operator": "who operated it", "launch_date": "date of the launch"}
    for parent in (folder, folder / "data"):
        pages = parent / ("corpus" if parent.name == "data" else "pages")
        pages.mkdir(parents=True)
        (pages / "voyager.md").write_text("# Voyager 1\n\nOperator: NASA\nLaunch date: 5 September 1977\nMass: 721.9 kg\n")
        (pages / "giotto.md").write_text("# Giotto\n\nOperator: ESA\nLaunch date: 2 July 1985\nMass: 960 kg\n")
        (pages / "acme.md").write_text("# Acme\n\nFounded: 3 May 1931\nHeadquarters: Oslo\nEmployees: 42\n")
        (parent / "missions.csv").write_text(table)
        (parent / "missions.schema.json").write_text(json.dumps(facts))
    shutil.copytree(ROOT / "schemas", folder / "schemas")
    (folder / "companies.csv").write_text("name,website,country\nAcme,https://acme.example/,NL\n")
    (folder / "company.json").write_text(
        '{"founded": "integer: year in which it was founded", "headquarters": "city of its head office"}'
    )
    (folder / "mission.json").write_text(json.dumps(facts))
    (folder / "truth.csv").write_text("mission,operator,launch_date\nVoyager 1,NASA,1977-09-05\nGiotto,ESA,1985-07-02\n")
    (folder / "wider.json").write_text(json.dumps({**facts, "mass_kg": "number: mass in kg"}))
