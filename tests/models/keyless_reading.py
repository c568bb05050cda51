"""What the keyless model reads: a piece of text for a field, or a page by way of the whole engine."""

from __future__ import annotations

from typing import Any

from research.documents.extract import extract
from research.models.keyless.casting import PLAIN, Cast, Setting, cast
from research.models.keyless.model import KeylessModel
from research.models.keyless.questions import question_of
from research.output_schema.output_spec import OutputSpec
from research.pipeline import research
from research.ports.world import World
from research.task.task import Task
from research.testing import Pages

NUMBER: dict[str, Any] = {"type": "number"}
INTEGER: dict[str, Any] = {"type": "integer"}
TEXT: dict[str, Any] = {"type": "string"}
STATUS: dict[str, Any] = {"enum": ["active", "inactive"]}
BOOLEAN: dict[str, Any] = {"type": "boolean"}
DATE: dict[str, Any] = {"type": "string", "format": "date"}


def read(name: str, schema: dict[str, Any], text: str, setting: Setting = PLAIN) -> Cast | None:
    [field] = OutputSpec.parse({"type": "object", "properties": {name: schema}}).fields
    return next(iter(cast(question_of(field), text, setting)), None)


def value(name: str, schema: dict[str, Any], text: str, setting: Setting = PLAIN) -> Any:
    found = read(name, schema, text, setting)
    return found.value if found else None


async def answer(html: str, fields: dict[str, Any], name: str = "Grove Works") -> dict[str, tuple[Any, str | None]]:
    """What the engine answers from one page, and how surely."""
    heading = "" if html.startswith("<h1>") else f"<h1>{name}</h1>"
    body = f"<main>{heading}<p>What is known of it, for the reader of the catalogue, in a few lines.</p>{html}</main>"
    text = extract(f"<html><head><title></title></head><body>{body}</body></html>".encode(), url="corpus://x/a.html").text
    pages = Pages({"corpus://x/a.html": text})
    schema = OutputSpec.parse({"type": "object", "properties": fields})
    task = Task(task=f"Facts about {name}", input={"name": name}, output_schema=schema)
    result = await research(task, World(model=KeylessModel(), search=pages, fetcher=pages))
    assert isinstance(result.output, dict)
    return {entry.field: (result.output[entry.field], entry.confidence) for entry in result.basis}


def table(**facts: str) -> str:
    """A table of keys and values, in HTML; an underscore in a key is a space."""
    rows = (f"<tr><th>{key.replace('_', ' ')}</th><td>{said}</td></tr>" for key, said in facts.items())
    return f"<table>{''.join(rows)}</table>"
