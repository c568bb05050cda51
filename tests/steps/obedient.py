"""A model that does whatever a page says, on a web of several hosts on loopback where every name of `.example` leads."""

from __future__ import annotations

import base64
import codecs
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from research.errors import ResearchError
from research.models.scripted import ScriptedModel
from research.money.usage_ledger import UsageLedger
from research.pages.page_store import PageStore, StoringFetcher
from research.pipeline import research
from research.ports.model import Model, ResearchTools
from research.ports.page import Hit
from research.ports.search import SearchResult
from research.ports.work import Draft, FieldAnswer, SubQuery
from research.ports.world import World
from research.result.result import Result
from research.task.source_policy import SourcePolicy
from research.task.task import Task
from research.testing import Served, WebServer
from research.testing.loopback import HttpReply, HttpRequest
from research.web.opening import open_web
from research.web.settings import WebSettings

ROWS: Final[tuple[dict[str, Any], ...]] = (
    {"company": "Acme Widgets", "salary": 18422, "note": "merger with Globex in spring", "mail": "jane.doe@acme.invalid"},
    {"company": "Umbrella Labs", "salary": 20355, "note": "layoffs of seven people", "mail": "bo@umbrella.invalid"},
)
"""Two rows that have no cell in common: what a host is asked must not tell which of them was researched."""

OBJECTIVE: Final = "Who runs {company}?"
NAMED: Final = ("company",)

_DIGITS: Final = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
CODES: Final[Mapping[str, Callable[[str], str]]] = {
    "raw": str,
    "percent": lambda text: quote(text, safe=""),
    "every": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "upper": lambda text: quote(text.upper(), safe=""),
    "slug": lambda text: re.sub(r"\W+", "-", text.lower()),
    "b64": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "b32": lambda text: base64.b32encode(text.encode()).decode().rstrip("=").lower(),
    "hex": lambda text: text.encode().hex(),
    "rot13": lambda text: re.sub(r"\W+", "-", codecs.encode(text, "rot13")),
    "reversed": lambda text: quote(text[::-1], safe=""),
    "sha": lambda text: hashlib.sha256(text.encode()).hexdigest()[:16],
    "words": lambda text: "-".join(_DIGITS[int(digit)] for digit in text),
    "case": lambda text: _in_capitals("page", text),
}


def _in_capitals(word: str, text: str) -> str:
    """Bits of a text as capital letters of a word."""
    bits = f"{int.from_bytes(hashlib.sha256(text.encode()).digest()[:2], 'big'):016b}"
    return "".join(letter.upper() if bit == "1" else letter for letter, bit in zip(word, bits, strict=False))


def filled(template: str, row: Mapping[str, Any]) -> str:
    """`{salary|b64}` with the row's cell, in a code; `{'a'}` with what stands in it."""
    template = re.sub(r"\{'([^']*)'\}", r"\1", template)

    def coded(found: re.Match[str]) -> str:
        return CODES[found[2] or "raw"](str(row[found[1]])) if found[1] in row else found[0]

    return re.sub(r"\{(\w+)(?:\|(\w+))?\}", coded, template)


_ORDER: Final = re.compile(r"DO (read|search|about) <([^<>]*)>")


def orders(texts: Sequence[str]) -> list[tuple[str, str]]:
    return list(dict.fromkeys((found[1], found[2]) for text in texts for found in _ORDER.finditer(text)))


async def obey(task: Task, subquery: SubQuery, tools: ResearchTools) -> Draft:
    """Search once, read what was found, and do what the pages say, and what the pages that they lead to say."""
    texts: list[str] = [task.task, subquery.question]
    done: set[tuple[str, str]] = set()
    passages: list[Any] = []

    async def read(url: str, about: str | None = None) -> None:
        try:
            shown = await tools.read(url, about, 14 if about else None)
        except ResearchError as error:
            texts.append(str(error))
            return
        passages.extend(shown)
        texts.extend(passage.text for passage in shown)

    if tools.start is not None:
        await read(tools.start)
    for hit in await tools.search(str(task.input["company"])):
        texts.extend((hit.title, hit.snippet))
        await read(hit.url)
    while todo := [each for each in orders(texts) if each not in done]:
        for kind, template in todo:
            done.add((kind, template))
            wanted = filled(template, task.input)
            if kind == "read":
                await read(wanted)
            elif kind == "about":
                url, _, about = wanted.partition(" ")
                await read(url, about)
            else:
                try:
                    found = await tools.search(wanted)
                except ResearchError:
                    continue
                texts.extend(f"{hit.title} {hit.snippet}" for hit in found)
    boss = next((passage for passage in passages if "run by Ann Lee" in passage.text), None)
    answers = [
        FieldAnswer(field=name, value="Ann Lee" if boss else None, passages=(boss.id,) if boss else ())
        for name in subquery.fields
    ]
    return Draft(answers=tuple(answers))


class Web(WebServer):
    """One server for every host: pages by `host/path`. It answers any other address too, as one who gathers what it is sent."""

    def __init__(self, pages: Mapping[str, str | Served]) -> None:
        super().__init__({})
        self.by_address = dict(pages)

    @property
    def port(self) -> str:
        return self.url.rsplit(":", 1)[1]

    async def handle(self, request: HttpRequest) -> HttpReply:
        host = request.headers["host"].split(":")[0]
        page = self.by_address.get(f"{host}{request.target}", "<html><body><p>Thank you for the data.</p></body></html>")
        if isinstance(page, str):
            page = page.replace("{P}", self.port)
        elif "location" in page.headers:
            page = Served(status=page.status, headers={"location": page.headers["location"].replace("{P}", self.port)})
        self._pages = {request.path: [page]}
        return await super().handle(request)

    def asked(self) -> list[tuple[str, str, str, str]]:
        """What each host saw: itself, the target, a referrer, cookies."""
        return [
            (r.headers["host"].split(":")[0], r.target, r.headers.get("referer", ""), r.headers.get("cookie", ""))
            for r in self.requests
        ]


class Everywhere:
    """A resolver to which every name is a name of loopback: who looks a name up has told it to its owner."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def resolve(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        return ["127.0.0.1"]


@dataclass
class Finds:
    """A search that finds the same pages, whatever is asked."""

    hits: Sequence[Hit]
    name: str = "finds"
    identity: str = "finds/1"
    queries: list[str] = field(default_factory=list)

    async def search(self, query: str, *, limit: int, policy: SourcePolicy | None = None, ledger: UsageLedger) -> SearchResult:
        self.queries.append(query)
        return SearchResult(hits=tuple(self.hits))


@dataclass
class Seen:
    """What could be seen of one row outside."""

    result: Result
    requests: list[tuple[str, str, str, str]]
    names: list[str]
    queries: list[str]

    def outside(self) -> Any:
        """What everybody but the search provider saw."""
        return self.requests, self.names


async def researched(
    web: Web, row: Mapping[str, Any], hits: Sequence[Hit], folder: Path, *, model: Model | None = None, **fields: Any
) -> Seen:
    """Research a row with the obedient model."""
    resolver, search = Everywhere(), Finds([hit.changed(url=hit.url.replace("{P}", web.port)) for hit in hits])
    settings = WebSettings(
        allow_private_hosts=("127.0.0.0/8",),
        allow_ports=(int(web.port), *(row["salary"] for row in ROWS)),
        host_delay_seconds=0.0,
        retry_seconds=0.0,
        obey_robots=False,
    )
    if "start_url" in fields:
        fields["start_url"] = fields["start_url"].replace("{P}", web.port)
    async with open_web(settings, folder / "cache", resolver=resolver) as fetcher:
        reader = StoringFetcher(fetcher, PageStore(folder / "pages"))
        world = World(model or ScriptedModel(obey, keyless=False), search, reader, attached=reader)
        asked = {"task": filled(OBJECTIVE, row), "input": dict(row), "output_schema": {"boss": "string"}, "processor": "ultra"}
        web.requests.clear()
        task = Task.model_validate({**asked, "search_columns": NAMED, "max_fetches": 30, **fields})
        result = await research(task, world)
        await reader.close()
    return Seen(result, web.asked(), resolver.asked, search.queries)


def row_of(text: str) -> dict[str, Any]:
    """The row in a prompt."""
    found = re.search(r'\{"company"[^{}]*\}', text)
    return json.loads(found[0]) if found else {}


def told(text: str, rows: Sequence[Mapping[str, Any]] = ROWS) -> Iterator[str]:
    """The cells that a text tells, in any of the codes."""
    for cell in (str(value) for row in rows for value in row.values()):
        for code in CODES.values():
            try:
                said = code(cell)
            except ValueError:
                continue
            if len(said) > 4 and said.lower() in text.lower():
                yield said
