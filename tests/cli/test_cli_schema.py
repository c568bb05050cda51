"""`research schema check` shows a schema as it was written."""

from __future__ import annotations

import json
from pathlib import Path

from cli_desk import Command


def test_brackets_in_a_schema_are_shown_and_not_taken_for_markup(research: Command, desk: Path) -> None:
    properties = {"price [EUR]": {"type": "number", "description": "net [not gross], as on the page [/page]"}}
    schema = {"type": "object", "description": "One [red] offer.", "properties": properties}
    (desk / "offer.json").write_text(json.dumps({"type": "json", "json_schema": schema, "description": "One [red] offer."}))
    shown = research("schema", "check", "offer.json")
    assert shown.code == 0
    for text in ("One [red] offer.", "price [EUR]", "net [not gross], as on the page [/page]"):
        assert text in shown.out


def test_the_values_of_an_enum_and_json_in_lists_are_shown(research: Command) -> None:
    written = json.dumps({"size": "small | large", "kinds": "list[enum: a | b]", "crew": "list of objects", "name": "string"})
    shown = " ".join(research("schema", "check", written).out.split())
    assert "string: small | large" in shown
    assert "list<item: string>: a | b" in shown
    assert "list<item: string> (JSON)" in shown
    (line,) = research("schema", "check", written, "--json").lines
    assert [field["values"] for field in line["fields"]] == [["small", "large"], ["a", "b"], None, None]
