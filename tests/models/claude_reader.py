"""A rule for the double: a plain researcher that works on any corpus. It searches, reads the first hits, and answers with the
passages that name what is asked."""

from __future__ import annotations

import re

from claude_doubles import answer, found, role_of

from research.testing import Reply, Request, call, structured, tool_calls

_PASSAGE = re.compile(r"^((?:s\d+)?p\d+)\n((?:    .*\n?)+)", re.MULTILINE)


def reader(request: Request) -> Reply:
    """Plans one sub-query a field, grades everything as supported, and writes a sentence for each field."""
    fields = _fields(request)
    match role_of(request):
        case "plan":
            about = re.search(r"# The task\n\n(.*)", request.text)
            task = about[1] if about else ""
            return structured({"subqueries": [{"question": f"{task}: {n}", "fields": [n], "label": n} for n in fields[:8]]})
        case "grade":
            return structured({"fields": [{"field": name, "grade": "supported"} for name in fields], "ask": []})
        case "judge":
            return structured({"claims": []})
        case "synthesize":
            return _written(request, fields)
        case _:
            return _investigated(request)


def _investigated(request: Request) -> Reply:
    said = " ".join(block["text"] for block in request.messages[0]["content"])
    question = re.search(r"# Your question\n\n(.*)", said) or re.search(r"# The task\n\n(.*)", said)
    asked = re.findall(r"`(\w+)`", said)
    done = request.tool_results
    if not done:
        return tool_calls(call("search", query=question[1] if question else ""))
    if done[-1].name == "search" and request.tools:
        urls = re.findall(r"^    url: (\S+)", done[-1].text, re.MULTILINE)[:2]
        if urls:
            return tool_calls(*(call("read", url=url, about=" ".join(asked)) for url in urls))
    passages = [each for result in done if result.name == "read" for each in _PASSAGE.findall(result.text)]
    answers, missing = [], []
    for name in asked:
        value = next(((i, m[1].strip()) for i, text in passages if (m := re.search(rf"(?im)^    {name}: (.+)$", text))), None)
        if value is None:
            missing.append(name)
        else:
            answers.append(found(name, value[1], value[0]))
    cited = " ".join(f"{each['field']} is known [{each['passages'][0]}]." for each in answers)
    return answer(*answers, missing=missing, summary=cited)


def _written(request: Request, fields: list[str]) -> Reply:
    told = dict(re.findall(r"^`(\w+)`:\n    value: (.*)\n", request.text, re.MULTILINE))
    ids = dict(re.findall(r"^`(\w+)`:\n    value: .*\n    passages: (\S+?)(?:,|\n)", request.text, re.MULTILINE))
    answers = [found(name, told[name].strip('"'), ids[name]) for name in fields if name in ids]
    sentences = [f"The {each['field']} is {each['value']} [{each['passages'][0]}, s9p999]." for each in answers]
    missing = [name for name in fields if name not in ids]
    report = " ".join(sentences) or "Nothing was found."
    return answer(*answers, missing=missing, summary=report, report=f"# Report\n\n{report} See also [12].")


def _fields(request: Request) -> list[str]:
    return re.findall(r"^- `(\w+)`:", request.system.split("# The fields")[-1], re.MULTILINE)
