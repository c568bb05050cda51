"""`researcher`: a rule that researches. It plans, asks MCP servers, searches, reads the first pages, and answers from lines like
`Operator: NASA`.

It stands in for Claude where a whole flow is tested: every tier, any schema, any pages. What it answers stands in a passage that
it names, so it comes through with evidence; a field that no line names is not found.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Iterable, Mapping
from typing import Any, Final

from research.models.keyless.casting import cast, cast_list
from research.models.keyless.questions import question_of
from research.output_schema.output_spec import OutputSpec
from research.testing.recording import Request
from research.testing.replies import Answer, Reply, call, structured, tool_calls
from research.testing.rules import Rule

PAGES_READ: Final = 2
MOST_SUBQUERIES: Final = 4
SERVERS: Final = "mcp__"
"""How names of tools of MCP servers begin."""
_PASSAGE: Final = re.compile(r"^((?:s\d+)?p\d+)\n((?:    .*\n?)+)", re.MULTILINE)
_LINE: Final = re.compile(r"^\s*(?:[-*] )?([^\s:][^:\n]{0,60}):\s+(\S.*)$", re.MULTILINE)
_FIELD: Final = re.compile(r"^- `(.+?)`: (\{.*\})$", re.MULTILINE)
_URL: Final = re.compile(r"^    url: (\S+)", re.MULTILINE)
_ROW: Final = re.compile(r"^Columns:\n    (\{.*\})$", re.MULTILINE)
_WORK: Final = re.compile(r"^`(.+?)`:\n    value: (.*)\n    passages: (\S+?)(?:,|\s)", re.MULTILINE)


def researcher(request: Request) -> Reply:
    """Answers each step of a task: plan, investigate, grade, synthesize, verify, judge."""
    parts = set((request.schema or {}).get("properties", {}))
    fields = dict(_FIELD.findall(request.system))
    if "subqueries" in parts:
        return _plan(request, list(fields))
    if "ask" in parts:
        return structured({"fields": [{"field": name, "grade": "supported"} for name in fields], "ask": []})
    if "report" in parts:
        return _synthesize(request, list(fields))
    if "answers" in parts:
        return _investigate(request, fields)
    return structured({"claims": []})  # verify: nothing falls; judge: nothing is borne out that code did not find


def asking(question: str, *choices: str, then: Rule = researcher) -> Rule:
    """A rule that puts a question to people, once in each conversation that has the tool for it, and goes on when it is answered.

    Args:
        question: what it asks.
        choices: answers that it proposes.
        then: answers everything else, such as what comes after the answer.
    """

    def rule(request: Request) -> Answer | Awaitable[Answer]:
        has_asked = any(result.name == "ask_question" for result in request.tool_results)
        if has_asked or "ask_question" not in request.tools:
            return then(request)
        return tool_calls(call("ask_question", question=question, choices=list(choices)))

    return rule


def _plan(request: Request, fields: list[str]) -> Reply:
    groups = [fields[place::MOST_SUBQUERIES] for place in range(min(MOST_SUBQUERIES, len(fields)))]
    task = _task(request.text)
    asked = [{"question": f"{task}: {', '.join(group)}", "fields": group, "label": group[0]} for group in groups]
    return structured({"subqueries": asked})


def _investigate(request: Request, fields: Mapping[str, str]) -> Reply:
    begun = "\n".join(block["text"] for block in request.messages[0]["content"])
    asked = [name for name in re.findall(r"`(.+?)`", begun.partition("# The fields to answer")[2]) if name in fields]
    done = request.tool_results
    if not done and (calls := _server_calls(request, begun)):
        return tool_calls(*calls)
    if (not done or done[-1].name.startswith(SERVERS)) and request.tools and not any(each.name == "search" for each in done):
        return tool_calls(call("search", query=f"{_question(begun)} {' '.join(asked)}"))
    if done and done[-1].name == "search" and "read" in request.tools and (urls := _URL.findall(done[-1].text)[:PAGES_READ]):
        return tool_calls(*(call("read", url=url, about=" ".join(asked)) for url in urls))
    passages = [each for result in done for each in _PASSAGE.findall(result.text)]
    found = {name: value for name in asked if (value := _found(name, json.loads(fields[name]), passages)) is not None}
    cited = " ".join(f"{name} is {value} [{passage}]." for name, (value, passage) in found.items())
    return structured(_answer(request, {name: found.get(name) for name in asked}) | {"summary": cited or "Nothing was found."})


def _server_calls(request: Request, begun: str) -> list[Mapping[str, Any]]:
    """One call of each tool of an MCP server: its arguments are the row's cells of their names, or the question."""
    row = json.loads(found[1]) if (found := _ROW.search(begun)) else {}
    return [
        call(tool["name"], {name: str(row.get(name, _question(begun))) for name in tool["input_schema"].get("required", ())})
        for tool in request.params.get("tools") or ()
        if tool["name"] in request.tools and tool["name"].startswith(SERVERS)
    ]


def _synthesize(request: Request, fields: list[str]) -> Reply:
    known = {name: (json.loads(value), passage) for name, value, passage in _WORK.findall(request.text) if name in fields}
    told = "\n\n".join(f"The {name} is {value} [{passage}]." for name, (value, passage) in known.items()) or "Nothing was found."
    report = f"# {_task(request.text)}\n\n{told}"
    return structured(_answer(request, {name: known.get(name) for name in fields}) | {"summary": told, "report": report})


def _answer(request: Request, found: Mapping[str, tuple[Any, str] | None]) -> dict[str, Any]:
    """The part of an answer that all forms share."""
    as_text = _fields_as_text(request.schema or {})
    answers = []
    for name, value in found.items():
        if value is not None:
            written = {"value_json": json.dumps(value[0])} if name in as_text else {"value": value[0]}
            about = {"field": name, "reasoning": "The line says so.", "passages": [value[1]], "against": []}
            answers.append({**about, **written, "confidence": "high"})
    missing = [{"field": name, "reasoning": "No line names it."} for name, value in found.items() if value is None]
    return {"answers": answers, "not_found": missing}


def _fields_as_text(schema: Mapping[str, Any]) -> set[str]:
    """The fields whose value is wanted as JSON text."""
    items = schema["properties"]["answers"]["items"]
    forms = [form["properties"] for form in items.get("anyOf", [items])]
    return {name for form in forms if "value_json" in form for name in form["field"].get("enum", [form["field"].get("const")])}


def _found(name: str, schema: Mapping[str, Any], passages: Iterable[tuple[str, str]]) -> tuple[Any, str] | None:
    """A field's value and its passage: of the first line whose key has the words of the field's name."""
    (field,) = OutputSpec.parse({"type": "object", "properties": {name: dict(schema)}}).fields
    question, words = question_of(field), set(re.split(r"[\W_]+", name.casefold()))
    for passage, text in passages:
        for key, line in _LINE.findall(text):
            if not words & set(re.split(r"[\W_]+", key.casefold())):
                continue
            if question.kind == "list":
                if items := cast_list(question, [line])[0]:
                    return items, passage
            elif values := cast(question, line):
                return values[0].value, passage
    return None


def _task(text: str) -> str:
    found = re.search(r"# The task\n\n(.*)", text)
    return found[1] if found else "the task"


def _question(text: str) -> str:
    found = re.search(r"# Your question\n\n(.*)", text)
    return found[1] if found else _task(text)
