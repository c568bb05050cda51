"""The dialect of chat completions, spoken by OpenAI's SDK, unchanged, pointed at loopback by its `base_url`."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, Field

from flows.serve.dialects import chat as dialect
from research.errors import ModelRefused
from research.models.scripted import ScriptedModel
from research.ports.model import ResearchTools
from research.ports.work import Draft, SubQuery
from research.task.task import Task
from tests.serve.conftest import Served, serve

if TYPE_CHECKING:
    from openai import OpenAI

QUESTION = "When was the Bell Rock Lighthouse first lit?"
PAGE = "corpus://corpus/bell-rock.md"


class Lighthouse(BaseModel):
    builder: str = Field(description="Who built it")
    keeper: str = Field(description="The name of its first keeper")


@pytest.fixture(scope="module")
def openai() -> Any:
    """The SDK, whose import takes half a second: only the process that runs these tests has it."""
    return import_module("openai")


@pytest.fixture
def client(openai: Any, served: Served) -> Iterator[OpenAI]:
    with openai.OpenAI(base_url=f"{served.url}/v1", api_key=served.keys["alice"], max_retries=0) as opened:
        yield opened


def test_a_question_is_answered_with_the_pages_that_the_answer_rests_on(client: OpenAI) -> None:
    done = client.chat.completions.create(model="speed", messages=[{"role": "user", "content": QUESTION}])
    (choice,) = done.choices
    assert (choice.finish_reason, choice.message.role) == ("stop", "assistant")
    assert "1811" in (choice.message.content or "")
    assert [each.url_citation.url for each in choice.message.annotations or ()] == [PAGE]
    basis: Any = done.basis  # type: ignore[attr-defined]
    assert basis[0]["citations"][0]["excerpts"][0].endswith("first lit on 1 February 1811.")
    assert (done.model, done.object) == ("speed", "chat.completion")
    assert done.usage is not None


async def test_a_stream_holds_the_same_answer_in_pieces_and_the_basis_in_its_last(openai: Any, served: Served) -> None:
    """The address is without /v1, as langchain-parallel has it."""
    async with openai.AsyncOpenAI(base_url=served.url, api_key=served.keys["alice"]) as client:
        stream = await client.chat.completions.create(
            model="lite",
            messages=[{"role": "user", "content": [{"type": "text", "text": QUESTION}]}],
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in stream]
    assert "1811" in "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    *_, last, usage = chunks
    assert last.choices[0].finish_reason == "stop"
    assert last.basis[0]["citations"][0]["url"] == PAGE  # type: ignore[attr-defined]
    assert usage.usage is not None


def test_a_schema_is_answered_as_its_model_says(client: OpenAI) -> None:
    done = client.chat.completions.parse(
        model="base",
        messages=[
            {"role": "system", "content": "Answer briefly."},
            {"role": "user", "content": "Tell me of the Bell Rock Lighthouse."},
            {"role": "assistant", "content": "What would you like to know?"},
            {"role": "user", "content": "Who built the Bell Rock Lighthouse?"},
        ],
        response_format=Lighthouse,
    )
    assert done.choices[0].message.parsed == Lighthouse(builder="Robert Stevenson", keeper="")


@pytest.mark.parametrize(
    ("wrong", "param", "says"),
    [
        ({"model": "gpt-9"}, "model", "there are speed, lite, base, core, ultra, research"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools", "calls no functions"),
        ({"n": 2}, "n", "one answer"),
        ({"messages": [{"role": "user", "content": " "}]}, "messages.0.content", "must not be empty"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "messages.0.role", "must be the user's"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
            "messages.0",
            "image_url",
        ),
        ({"extra_body": {"nonsense": 1}}, "nonsense", "not a known field"),
    ],
)
def test_a_request_that_is_wrong_is_refused_with_its_place(
    openai: Any, client: OpenAI, wrong: dict[str, Any], param: str, says: str
) -> None:
    with pytest.raises(openai.BadRequestError, match=says) as refused:
        client.chat.completions.create(**{"model": "speed", "messages": [{"role": "user", "content": QUESTION}], **wrong})
    assert (refused.value.param or "").startswith(param)


def test_what_means_nothing_here_is_a_warning_that_names_it(client: OpenAI) -> None:
    done = client.chat.completions.create(
        model="speed", messages=[{"role": "user", "content": QUESTION}], temperature=0.3, max_tokens=100
    )
    warnings: Any = done.warnings  # type: ignore[attr-defined]
    assert warnings[:2] == [f"{name} means nothing here, and changes nothing" for name in ("max_tokens", "temperature")]
    assert "speed" in [model.id for model in client.models.list()]


def test_a_model_is_found_by_its_name(openai: Any, client: OpenAI) -> None:
    assert client.models.retrieve("core") == next(model for model in client.models.list() if model.id == "core")
    with pytest.raises(openai.NotFoundError, match=r'there is no model "cores"; there are .*; did you mean "core"\?'):
        client.models.retrieve("cores")


def test_a_wrong_key_is_told_in_the_sdks_own_words(openai: Any, served: Served) -> None:
    with pytest.raises(openai.AuthenticationError):
        openai.OpenAI(base_url=f"{served.url}/v1", api_key="nobody").models.list()


def test_research_that_fails_is_an_error_that_the_sdk_does_not_pay_for_again(openai: Any, tmp_path: Path) -> None:
    async def script(task: Task, subquery: SubQuery, tools: ResearchTools) -> Draft:
        raise ModelRefused("the model declined to answer")

    model = ScriptedModel(script, keyless=False)
    for served in serve(tmp_path, model=model, dialects=[dialect]):
        client = openai.OpenAI(base_url=f"{served.url}/v1", api_key=served.keys["alice"])
        messages: Any = [{"role": "user", "content": QUESTION}]
        with pytest.raises(openai.APIStatusError, match="declined to answer"):
            client.chat.completions.create(model="speed", messages=messages)
        with pytest.raises(openai.APIError, match="declined to answer"):
            list(client.chat.completions.create(model="speed", messages=messages, stream=True))
        assert model.calls["investigate"] == 2
