"""The sets of real data that the keyless model is measured and trained on: for each task, the documents and what is right.

A set is a folder of the evaluation data, which is no part of this project. Sites and documents are named (`group`), so that
training can keep them apart.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pyarrow.parquet as pq
from lxml import html as lxml_html

from research.output_schema.output_spec import OutputSpec
from research.task.task import Task
from research.values.dates import dates
from research.values.values import same

TEXT: Final = {"type": "string"}


@dataclass
class Case:
    """One task, and what is right."""

    task: Task
    group: str
    """The site, or the document, that must not be on both sides of a split."""
    gold: dict[str, list[Any]]
    """For each field the values that are right, in any of their spellings; none where null is right."""
    source: str = ""
    """The address of the document that holds the answers; "" where none does."""
    direct: frozenset[str] = frozenset()
    """Fields whose value stands in the document as it is; empty where that is not known."""
    kind: str = ""
    """A part of the set that is counted on its own."""


@dataclass
class Shelf:
    """Documents that are searched together, and the cases asked of them."""

    documents: list[dict[str, Any]]
    cases: list[Case] = field(default_factory=list)
    corpus: Path | None = None
    """Where the documents are, if they are not in `documents`."""


def _task(objective: str, row: Mapping[str, Any], fields: Mapping[str, Any], **more: Any) -> Task:
    schema = {"type": "object", "properties": dict(fields)}
    return Task(task=objective, input=dict(row), output_schema=OutputSpec.parse(schema), **more)


def _described(kind: str, description: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "description": description, **more}


_LINES: Final = {"items": TEXT}
RECIPE: Final = {
    "title": _described("string", "Name of the recipe"),
    "author": _described("string", "Who wrote the recipe"),
    "site_name": _described("string", "Name of the web site that published it"),
    "description": _described("string", "Short description of the recipe"),
    "category": _described("string", "Category or course, such as dessert"),
    "cuisine": _described("string", "Cuisine the dish belongs to"),
    "cooking_method": _described("string", "How it is cooked, such as baking"),
    "yields": _described("string", "How many servings or pieces it makes"),
    "total_time": _described("integer", "Total time in minutes"),
    "prep_time": _described("integer", "Preparation time in minutes"),
    "cook_time": _described("integer", "Cooking time in minutes"),
    "language": _described("string", "Language code of the page"),
    "ratings": _described("number", "Average rating"),
    "ratings_count": _described("integer", "Number of ratings"),
    "ingredients": _described("array", "All ingredients, one line each", **_LINES),
    "instructions_list": _described("array", "All steps, in order", **_LINES),
    "keywords": _described("array", "Keywords", **_LINES),
}
PRODUCT: Final = {
    "InStock": {"enum": ["InStock", "OutOfStock"], "description": "Whether it can be bought now"},
    "availability": {"enum": ["InStock", "OutOfStock"], "description": "Availability of the product"},
    "brand": _described("string", "Brand of the product"),
    "currency": _described("string", "Currency symbol of the price, as shown"),
    "price": _described("number", "Price now asked for the product"),
    "regularPrice": _described("number", "Regular price before a discount"),
    "sku": _described("string", "SKU: the shop's own number of the product"),
    "mpn": _described("string", "MPN: the manufacturer's part number"),
    "gtin": _described("string", "GTIN: EAN, UPC or ISBN"),
}
ARTICLE: Final = {
    "title": _described("string", "Title of the article"),
    "author": _described("string", "Who wrote the article"),
    "date_published": _described("string", "When the article was published", format="date"),
}
CONTRACT: Final = {
    "effective_date": _described("string", "Date on which the agreement takes effect", format="date"),
    "jurisdiction": _described("string", "State or country whose laws govern the agreement"),
    "party": _described("string", "A party to the agreement"),
    "term": _described("string", "How long the agreement lasts, e.g. 2 years"),
}


def _lines(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def _documents(folder: Path, *columns: str) -> list[dict[str, Any]]:
    return pq.read_table(folder / "documents.parquet", columns=list(columns)).to_pylist()


def _host(url: str) -> str:
    return urlsplit(url).netloc.removeprefix("www.")


def _pages(folder: Path, fields: Mapping[str, Any]) -> list[Shelf]:
    """Recipes and shops: one row an entity, the set's documents are the corpus."""
    shelf = Shelf(_documents(folder, "url", "html"))
    for gold in _lines(folder / "gold.jsonl"):
        accepted = {
            n: v if isinstance(v, list) and fields[n].get("type") != "array" else [v]
            for n, v in gold["fields"].items()
            if n in fields
        }
        entity = gold.get("entity") or gold["page_title"]
        task = _task(f"Facts about {entity}", {"entity": entity}, {n: fields[n] for n in accepted})
        shelf.cases.append(Case(task, _host(gold["url"]), accepted, gold["url"]))
    return [shelf]


def _recipes(folder: Path) -> list[Shelf]:
    return _pages(folder, RECIPE)


def _shops(folder: Path) -> list[Shelf]:
    return _pages(folder, PRODUCT)


def _sites(folder: Path) -> list[Shelf]:
    """Fields are text, named as they are and not described; several values of one field are one text, or any of them."""
    shelf = Shelf(_documents(folder, "url", "html"))
    for gold in _lines(folder / "gold.jsonl"):
        entity = gold["entity"]
        task = _task(
            f"Facts about {entity}", {gold["entity_attr"]: entity}, dict.fromkeys(gold["fields"], TEXT), start_url=gold["url"]
        )
        accepted = {name: [*values, *_joined(values), *_days(name, values)] for name, values in gold["fields"].items()}
        shelf.cases.append(Case(task, f"{gold['vertical']}-{gold['site']}", accepted, gold["url"], kind=gold["vertical"]))
    return [shelf]


def _asked_of_sites(folder: Path) -> list[Shelf]:
    """The fields of the sites as questions in plain words, a task each: `What is the publisher of Happiness Key?`"""
    shelves = _sites(folder)
    for shelf in shelves:
        shelf.cases = [
            Case(
                _asked(f"What is the {name.replace('_', ' ')} of {entity}?", start_url=case.source),
                case.group,
                {"answer": gold},
                case.source,
                kind="sites",
            )
            for case in shelf.cases
            for entity in map(str, case.task.input.values())
            for name, gold in case.gold.items()
        ]
    return shelves


def _joined(values: list[str]) -> list[str]:
    """Several values as one text."""
    if len(values) < 2:
        return []
    return [", ".join(values), " and ".join(values), f"{', '.join(values[:-1])} and {values[-1]}"]


def _days(name: str, values: list[str]) -> list[str]:
    """Of a date that a site gives with its publisher (`Vintage (June 23, 2009)`), the day."""
    inside = (re.search(r"\(([^()]+)\)\s*$", value) for value in values if name.endswith("_date"))
    return [found[1] for found in inside if found and _is_day(found[1])]


def _articles(folder: Path) -> list[Shelf]:
    """What the page's own data say of the article (JSON-LD of an article, else the `article:` tags), where it is unequivocal. The
    title is the shown heading that they repeat."""
    shelf = Shelf(_documents(folder, "url", "html"))
    for document in shelf.documents:
        gold = _declared(document["html"])
        task = _task("Title, author and date of the article", {"url": document["url"]}, ARTICLE, start_url=document["url"])
        shelf.cases.append(Case(task, _host(document["url"]), {n: v for n, v in gold.items() if v}, document["url"]))
    return [shelf]


def _declared(page: str) -> dict[str, list[Any]]:
    tree = lxml_html.fromstring(page.encode(), parser=lxml_html.HTMLParser(encoding="utf-8"))
    things = []
    for script in tree.iter("script"):
        if "ld+json" in (script.get("type") or ""):
            try:
                things.extend(_things(json.loads(script.text or "", strict=False)))
            except ValueError:
                continue
    articles = [t for t in things if str(t.get("@type", "")).endswith(("Article", "Posting"))]
    people = {t.get("@id"): t.get("name") for t in things if "Person" in str(t.get("@type"))}
    metas = {m.get("property") or m.get("name"): m.get("content") or "" for m in tree.iter("meta")}
    names: list[str] = []
    for article in articles[:1]:
        for author in article["author"] if isinstance(article.get("author"), list) else [article.get("author")]:
            name = author if isinstance(author, str) else (author or {}).get("name") or people.get((author or {}).get("@id"))
            if isinstance(name, str) and not (isinstance(author, dict) and "Organization" in str(author.get("@type"))):
                names.append(re.sub(r"^by\s+", "", name.strip(), flags=re.I))
    day = str((articles[0].get("datePublished") if articles else "") or metas.get("article:published_time") or "")[:10]
    titles = [str(t) for t in (articles[0].get("headline") if articles else None, metas.get("og:title")) if t]
    shown = [" ".join(h.text_content().split()) for h in tree.iter("h1")]
    heading = [h for h in dict.fromkeys(shown) if h and any(plain(t).startswith(plain(h)) for t in titles)]
    return {
        "title": heading if len(heading) == 1 else [],
        "author": [*names, *_joined(names)],
        "date_published": [day] if re.fullmatch(r"\d{4}-\d\d-\d\d", day) else [],
    }


def _things(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        for part in value:
            yield from _things(part)
    elif isinstance(value, dict):
        yield value
        yield from _things(value.get("@graph"))


def _contracts(folder: Path) -> list[Shelf]:
    """Each contract is a corpus of its own, and the page to begin with. Any of the parties is right."""
    shelves = []
    for record in pq.read_table(folder / "documents.parquet").to_pylist():
        url = f"https://contracts.example/{record['doc_id']}"
        gold = {name: [] for name in record["keys"]} | json.loads(record["gold"])
        task = _task("Terms of the agreement", {"document": record["doc_id"]}, CONTRACT, start_url=url)
        shelves.append(Shelf([{"url": url, "text": record["text"]}], [Case(task, record["doc_id"], gold, url)]))
    return shelves


def _tables(folder: Path) -> list[Shelf]:
    """A case is a table to enrich: its primary key is the row, the other columns the fields, its documents the corpus."""
    shelves = []
    for record in pq.read_table(folder / "cases.parquet").to_pylist():
        documents = [
            {"url": f"https://documents.example/{record['case']}/{place}", "text": text}
            for place, text in enumerate(record["documents"])
        ]
        shelf = Shelf(documents)
        for table in json.loads(record["tables"]):
            key = table["header"].index(table["primary_key"]) if table["primary_key"] in table["header"] else 0
            names = {place: _slug(title, place) for place, title in enumerate(table["header"]) if place != key}
            fields = {names[place]: _described("string", table["header"][place]) for place in names}
            for row in table["rows"]:
                if not row[key]["value"]:
                    continue
                gold = {names[p]: [row[p]["value"]] if row[p]["value"] else [] for p in names}
                direct = frozenset(names[p] for p in names if row[p]["value"] and not row[p]["skills"])
                task = _task(f"Facts for the table “{table['title']}”", {table["header"][key]: row[key]["value"]}, fields)
                shelf.cases.append(Case(task, record["case"], gold, direct=direct, kind=record["category"]))
        if shelf.cases:
            shelves.append(shelf)
    return shelves


def _slug(title: str, place: int) -> str:
    return re.sub(r"\W+", "_", title).strip("_").casefold() or f"column_{place}"


def _squad(folder: Path) -> list[Shelf]:
    """The questions that have an answer; beside each a question without one: a name or a number in it is exchanged for another
    of the same article (`swapped`), or its article is not there (`absent`, every fourth)."""
    documents = _documents(folder, "doc_id", "url", "title", "text")
    urls = {d["doc_id"]: d["url"] for d in documents}
    questions = _lines(folder / "questions.jsonl")
    passages = {p["passage_id"]: p["text"] for p in pq.read_table(folder / "passages.parquet").to_pylist()}
    whole, partial = Shelf(documents), Shelf([d for d in documents if _digit(d["doc_id"]) % 4])
    for question in questions:
        group, url = question["doc_id"], urls[question["doc_id"]]
        if question["answerable"] and _digit(group) % 4:
            whole.cases.append(Case(_asked(question["question"]), group, {"answer": question["answers"]}, url, kind="answerable"))
            if swapped := _swapped(question["question"], passages[question["passage_id"]], passages, group):
                whole.cases.append(Case(_asked(swapped), group, {"answer": []}, kind="swapped"))
        elif question["answerable"]:
            whole.cases.append(Case(_asked(question["question"]), group, {"answer": question["answers"]}, url, kind="answerable"))
            partial.cases.append(Case(_asked(question["question"]), group, {"answer": []}, kind="absent"))
        else:
            whole.cases.append(Case(_asked(question["question"]), group, {"answer": []}, kind="unanswerable"))
    return [whole, partial]


def _asked(question: str, **more: Any) -> Task:
    return Task(task=question, output_schema=OutputSpec.parse({"answer": "string"}), **more)


_NAMED: Final = re.compile(r"(?<!^)(?<![.?!] )\b(?:[A-Z][\w-]+(?: [A-Z][\w-]+)*|\d[\d,.]*\d)")


def _swapped(question: str, passage: str, passages: Mapping[str, str], group: str) -> str:
    """The question with its last name or number exchanged for one of the same form that another passage of the article holds."""
    found = list(_NAMED.finditer(question))
    if not found:
        return ""
    last = found[-1]
    others = sorted(
        {
            m[0]
            for name, text in passages.items()
            if name.startswith(f"{group}#") and text != passage
            for m in _NAMED.finditer(text)
            if m[0][0].isdigit() == last[0][0].isdigit() and m[0] not in passage and m[0] not in question
        }
    )
    if not others:
        return ""
    return question[: last.start()] + others[_digit(question) % len(others)] + question[last.end() :]


def _digit(text: str) -> int:
    return int(hashlib.blake2b(text.encode(), digest_size=4).hexdigest(), 16)


def sample() -> list[Shelf]:
    """The project's own sample, which `make demo` enriches: one row a mission, all documents."""
    data = Path(__file__).parents[2] / "data"
    schema = json.loads((data / "missions.schema.json").read_text("utf-8"))
    names = list(schema["properties"])
    shelf = Shelf([], corpus=data / "corpus")
    rows = csv.DictReader((data / "missions.csv").read_text("utf-8").splitlines())
    for row, truth in zip(rows, _lines(data / "missions.truth.jsonl"), strict=True):
        task = Task(
            task=f"Facts about the space mission {row['mission']}", input=dict(row), output_schema=OutputSpec.parse(schema)
        )
        gold = {n: [] if truth[n] is None else truth[n] if isinstance(truth[n], list) else [truth[n]] for n in names}
        shelf.cases.append(Case(task, row["mission"], gold))
    return [shelf]


_TYPES: Final = {
    "date": {"type": "string", "format": "date"},
    "year": {"type": "integer"},
    "number": {"type": "number"},
    "integer": {"type": "integer"},
    "list": {"type": "array", "items": TEXT},
}


def prose() -> list[Shelf]:
    """The project's own small pages of prose."""
    shelves = []
    for place, page in enumerate(tomllib.loads(Path(__file__).with_name("keyless_pages.toml").read_text("utf-8"))["page"]):
        title, url = page.get("entity") or page["title"], f"https://prose.example/{place}"
        shelf = Shelf([{"url": url, "markdown": f"# {title}\n\n{page['text'].strip()}"}])
        for entity, told in (page.get("rows") or {title: page["gold"]}).items():
            fields, gold = {}, {}
            for spelled, right in told.items():
                name, _, kind = spelled.rpartition("_")
                name, schema = (name, _TYPES[kind]) if kind in _TYPES and kind != "year" and name else (spelled, TEXT)
                schema = _TYPES["year"] if kind == "year" else schema
                fields[name], accepted = schema, right if isinstance(right, list) else [right] if right else []
                gold[name] = [float(v) if schema["type"] in ("number", "integer") else v for v in accepted]
            task = _task(f"Facts about {entity}", {"name": entity}, fields)
            shelf.cases.append(Case(task, title, gold, url))
        shelves.append(shelf)
    return shelves


SETS: Final[Mapping[str, tuple[str, Callable[[Path], list[Shelf]]]]] = {
    "sites": ("site_pages", _sites),
    "recipes": ("recipe_pages", _recipes),
    "shops": ("product_pages", _shops),
    "articles": ("article_extraction_benchmark", _articles),
    "tables": ("document_tables", _tables),
    "contracts": ("contracts", _contracts),
    "questions": ("squad2", _squad),
    "site_questions": ("site_pages", _asked_of_sites),
    "sample": ("", lambda _: sample()),
    "prose": ("", lambda _: prose()),
}
"""For each set its folder and what reads it."""


def shelves_of(folder: Path, name: str, sample: int | None) -> list[Shelf]:
    """A set; of a larger one, about `sample` cases, the same each time."""
    directory, read = SETS[name]
    shelves = read(folder / directory)
    count = sum(len(shelf.cases) for shelf in shelves)
    if sample is not None and count > sample:
        if len(shelves) > 2:
            # Documents of their own: fewer documents rather than all of them with a case each.
            shelves = sorted(shelves, key=lambda s: _digit(s.cases[0].group))
            most = max(2, round(sample / count * len(shelves)) if name != "tables" else sample // 12)
            shelves = shelves[:most]
        share = sample / max(sum(len(shelf.cases) for shelf in shelves), 1)
        for shelf in shelves:
            kept = sorted(shelf.cases, key=lambda c: _digit(f"{c.group} {c.task.task} {sorted(map(str, c.task.input.values()))}"))
            shelf.cases = kept[: max(1, round(share * len(kept)))]
    return shelves


# comparing


def plain(text: Any) -> str:
    """A text as it is compared: case, white space, punctuation and the articles a, an, the do not count (SQuAD's rule); an `&` is
    an `and`."""
    folded = re.sub(r"[^\w\s]", "", str(text).casefold().replace("&", " and "))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", folded).split())


def is_exact(value: Any, accepted: Sequence[Any], schema: Mapping[str, Any]) -> bool:
    """Whether a value is one of those accepted. Containment is not enough.

    Texts by `plain`; numbers by value, however they are written; dates, and texts that are nothing but a number or a date in
    both spellings, by what they mean; lists by their items, in any order.
    """
    return value is not None and any(_equal(value, gold, schema) for gold in accepted)


def _equal(value: Any, gold: Any, schema: Mapping[str, Any]) -> bool:
    if isinstance(value, list) and isinstance(gold, list):
        return sorted(map(plain, value)) == sorted(map(plain, gold))
    if schema.get("type") in ("number", "integer") and isinstance(gold, str):
        try:
            return same(value, float(gold), schema)
        except ValueError:
            return False
    if "enum" in schema or schema.get("format") == "date" or not (isinstance(value, str) and isinstance(gold, str)):
        return same(value, gold, schema)
    if _is_number(value) and _is_number(gold):
        return float(value) == float(gold)
    return plain(value) == plain(gold) or (_is_day(value) and _is_day(gold) and same(value, gold, {"format": "date"}))


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"-?\d+(\.\d+)?", text))


def _is_day(text: str) -> bool:
    found = dates(text) if len(text) <= 40 else ()
    return len(found) == 1 and found[0].day is not None and found[0].end - found[0].start >= len(text.strip()) - 1
