"""What the dialect of chat completions answers: a completion, its pieces, errors."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final, Literal

from pydantic import BaseModel

from flows.serve.dialects.parallel_shapes import RunBasis, without_forbidden_nulls
from flows.serve.records.task_records import TaskRecord
from research.result.result import Result

PIECE: Final = re.compile(r"\S+\s*|\s+")
WORDS: Final = 8
"""Of each piece of a stream."""


class ChatError(BaseModel):
    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ChatErrorBody(BaseModel):
    error: ChatError


class Model(BaseModel):
    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "research-flows"


class Models(BaseModel):
    object: Literal["list"] = "list"
    data: list[Model]


class UrlCitation(BaseModel):
    url: str
    title: str
    start_index: int
    end_index: int


class Annotation(BaseModel):
    """A page that the answer rests on, and the part of the answer that does."""

    type: Literal["url_citation"] = "url_citation"
    url_citation: UrlCitation


class AnswerMessage(BaseModel):
    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None
    annotations: list[Annotation] = []


class Choice(BaseModel):
    index: int = 0
    message: AnswerMessage
    logprobs: None = None
    finish_reason: Literal["stop"] = "stop"


class CompletionUsage(BaseModel):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Completion(BaseModel):
    """An answer."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: CompletionUsage
    basis: list[RunBasis] = []
    interaction_id: str
    warnings: list[str] = []


def completion_of(record: TaskRecord) -> Completion:
    """The answer of a task that completed."""
    result = _result(record)
    content = _content(record, result)
    return Completion(
        id=record.id,
        created=int(record.created_at.timestamp()),
        model=record.request["model"],
        choices=[Choice(message=AnswerMessage(content=content, annotations=_annotations(result, content)))],
        usage=_usage(result),
        basis=[RunBasis.of(each) for each in result.basis],
        interaction_id=record.session_id or record.id,
        warnings=record.all_warnings,
    )


def chunks_of(record: TaskRecord, *, usage: bool) -> Iterator[dict[str, Any]]:
    """The answer in pieces: the last one has the basis."""
    whole = completion_of(record)
    message = whole.choices[0].message
    head = {"id": whole.id, "object": "chat.completion.chunk", "created": whole.created, "model": whole.model}

    def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        return head | {"choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}]}

    yield chunk({"role": "assistant", "content": ""})
    words = PIECE.findall(message.content)
    for start in range(0, len(words), WORDS):
        yield chunk({"content": "".join(words[start : start + WORDS])})
    annotations = [each.model_dump(mode="json") for each in message.annotations]
    yield chunk({"annotations": annotations} if annotations else {}, "stop") | {
        "basis": [each.model_dump(mode="json") for each in whole.basis],
        "interaction_id": whole.interaction_id,
        "warnings": whole.warnings,
    }
    if usage:
        yield head | {"choices": [], "usage": whole.usage.model_dump(mode="json")}


def _result(record: TaskRecord) -> Result:
    if record.result is None:
        raise ValueError(f"the task {record.id} has no result")
    return record.result


def _content(record: TaskRecord, result: Result) -> str:
    if isinstance(result.output, dict):
        spec = record.task.output_schema
        output = without_forbidden_nulls(result.output, spec.schema)[0] if spec.kind == "json" else result.output
        return json.dumps(output, ensure_ascii=False)
    return result.report or result.output or result.answer


def _annotations(result: Result, content: str) -> list[Annotation]:
    """Each page once. Of a report, the `[N]` that names it; else the whole answer rests on it."""
    titles = {citation.url: citation.title for basis in result.basis for citation in basis.citations}
    numbers = {source.url: source.index for source in result.sources_detailed}
    annotations = []
    for url, title in titles.items():
        mark = f"[{numbers.get(url)}]"
        start = content.find(mark) if result.report else -1
        span = (start, start + len(mark)) if start >= 0 else (0, len(content))
        annotations.append(Annotation(url_citation=UrlCitation(url=url, title=title, start_index=span[0], end_index=span[1])))
    return annotations


def _usage(result: Result) -> CompletionUsage:
    tokens = result.usage.tokens
    prompt = (tokens.input or 0) + (tokens.cache_read or 0) + (tokens.cache_write or 0)
    return CompletionUsage(prompt_tokens=prompt, completion_tokens=tokens.output or 0, total_tokens=prompt + (tokens.output or 0))
