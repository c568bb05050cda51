"""Which model opens: Claude where there is a key, the keyless one where there is none; and the key is never shown."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from claude_reader import reader
from pydantic import SecretStr

import research
from flows.cli import main
from flows.run.environment import Environment
from research.errors import AuthenticationFailed, InvalidInput
from research.money.processors import load_processors
from research.testing import ModelServer, fail
from research.world import Settings, open_world

KEY = "sk-test-0123456789-very-secret"
CORPUS = str(Path(__file__).parents[2] / "data" / "corpus")


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "a.txt").write_text("Voyager 1\n\nOperator: NASA\n")
    return tmp_path


def settings(pages: Path, **parts: object) -> Settings:
    return Settings.model_validate({"cache_dir": pages / "cache", "corpus": str(pages / "pages"), **parts})


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        ({}, "extractive"),
        ({"model": "auto"}, "extractive"),
        ({"api_key": " "}, "extractive"),
        ({"base_url": "http://127.0.0.1:9"}, "extractive"),
        ({"api_key": KEY}, "claude"),
        ({"api_key": KEY, "model": "extractive"}, "extractive"),
        ({"api_key": KEY, "model": "claude-opus-5-5"}, "claude-opus-5-5"),
        ({"base_url": "http://127.0.0.1:9", "model": "qwen3:8b"}, "qwen3:8b"),
    ],
)
async def test_the_best_model_that_can_be_used_is_opened(pages: Path, parts: dict[str, str], name: str):
    async with open_world(settings(pages, **parts), pages / "store") as world:
        assert world.model.name == name
        assert world.model.keyless == (name == "extractive")


async def test_a_model_that_needs_a_key_is_refused_without_one(pages: Path):
    with pytest.raises(InvalidInput, match=r"'claude-opus-5-5' needs a key: set ANTHROPIC_API_KEY"):
        async with open_world(settings(pages, model="claude-opus-5-5"), pages / "store"):
            pass


@pytest.mark.parametrize("key", [None, KEY])
async def test_a_model_of_another_maker_is_refused_with_those_that_can_be_used(pages: Path, key: str | None):
    with pytest.raises(
        InvalidInput, match=r'"gpt-5.5-high" is none of Anthropic.* use one of claude-opus-5-5, .*extractive'
    ) as no:
        async with open_world(settings(pages, api_key=key, model="gpt-5.5-high"), pages / "store"):
            pass
    assert [fault.pointer for fault in no.value.faults] == ["/model"]


@pytest.mark.parametrize("address", ["localhost:11434", "ftp://a.example", "http://", "http://[1"])
async def test_an_address_that_is_none_is_refused(pages: Path, address: str):
    with pytest.raises(InvalidInput, match="is no address"):
        async with open_world(settings(pages, api_key=KEY, base_url=address), pages / "store"):
            pass


async def test_an_address_with_a_password_is_refused_and_not_repeated(pages: Path):
    with pytest.raises(InvalidInput, match="holds a user name or a password") as caught:
        async with open_world(settings(pages, api_key=KEY, base_url="https://me:hunter2@a.example"), pages / "store"):
            pass
    assert "hunter2" not in str(caught.value)


async def test_the_key_is_in_no_text_and_in_no_key_of_work(pages: Path):
    own = settings(pages, api_key=KEY)
    async with open_world(own, pages / "store") as world, open_world(settings(pages, api_key="other"), pages / "store") as other:
        assert world.identity == other.identity
        shown = [
            repr(own),
            str(own),
            own.model_dump_json(),
            repr(world),
            repr(world.model),
            world.identity,
            repr(vars(world.model)),
        ]
    assert not any(KEY in text for text in shown)


async def test_a_key_that_is_refused_is_raised_without_repeating_it(pages: Path):
    """There is no result to speak of: nothing was asked, and every other task would meet the same."""
    with (
        ModelServer(lambda _: fail("401", message=f"invalid x-api-key {KEY}")) as server,
        pytest.raises(AuthenticationFailed, match="the key was not accepted") as caught,
    ):
        await research.run("Voyager 1", corpus=pages / "pages", cache_dir=pages / "cache", api_key=KEY, base_url=server.url)
    assert KEY not in str(caught.value)


async def test_a_users_table_of_processors_reaches_the_requests(pages: Path):
    table = pages / "mine.toml"
    table.write_text('[tiers.base]\ntool_calls = 1\n[tiers.base.roles.all]\nmodel = "claude-haiku-4-5"\n')
    with ModelServer(reader) as server:
        result = await research.run(
            {"task": "Voyager 1", "processor": "base"},
            schema={"operator": "who"},
            corpus=pages / "pages",
            cache_dir=pages / "cache",
            api_key=SecretStr(KEY),
            base_url=server.url,
            processors=table,
        )
        assert {request.model for request in server.requests} == {"claude-haiku-4-5"}
    assert result.usage.tool_calls == 1
    assert result.cost_usd == pytest.approx(load_processors().price("claude-haiku-4-5").cost(result.usage.tokens))


async def test_a_server_on_this_machine_is_never_asked_through_a_proxy(pages: Path, monkeypatch: pytest.MonkeyPatch):
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(variable, raising=False)
    with ModelServer(reader) as server:
        result = await research.run(
            {"task": "Voyager 1", "processor": "base"},
            schema={"operator": "who"},
            corpus=pages / "pages",
            cache_dir=pages / "cache",
            api_key=SecretStr(KEY),
            base_url=server.url,
        )
        assert server.requests
    assert result.status == "completed", result.error


def test_the_environment_says_what_a_request_leaves_open(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("RESEARCH_PROCESSORS", "mine.toml")
    made = Environment().settings(model="claude", corpus="pages")
    assert (made.model, made.corpus, made.base_url, made.processors) == (
        "claude",
        "pages",
        "http://127.0.0.1:9",
        Path("mine.toml"),
    )
    assert made.api_key is not None
    assert made.api_key.get_secret_value() == KEY
    assert KEY not in repr(Environment())


def test_the_command_prints_a_report_whose_every_reference_resolves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """`research run … --processor research` on the sample corpus, with the key from the environment."""
    (tmp_path / "schema.json").write_text('{"operator": "who ran it", "manufacturer": "who built it", "colour": "its colour"}')
    with ModelServer(reader) as server:
        monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        monkeypatch.setenv("RESEARCH_CACHE_DIR", str(tmp_path / "cache"))
        asked = ["run", "Voyager 1", "--processor", "research", "--corpus", CORPUS, "--schema", str(tmp_path / "schema.json")]
        code = main(asked)
    result = json.loads(capsys.readouterr().out)
    assert (code, result["status"]) == (0, "completed"), result["error"]
    assert result["output"]["operator"] == "NASA"
    assert result["output"]["colour"] is None
    numbers = {int(n) for n in re.findall(r"\[(\d+)\]", result["report"])}
    assert numbers
    assert numbers <= {source["index"] for source in result["sources_detailed"] if source["read"]}
    assert any("taken out" in warning for warning in result["warnings"])


def test_the_card_shows_the_report_and_the_sources_it_names():
    from rich.console import Console

    from flows.cli.run import card
    from research.result.result import Result, Source

    sources = [
        Source(index=n, url=f"https://{n}.example/", title=f"Page {n}", domain="x", fetched=None, read=True) for n in (1, 2, 3)
    ]
    result = Result(
        task_id="t", status="completed", task="Q", processor="research", model="m", output={"a": "b"}, report="It is so [1][3].",
        sources_detailed=sources,
    )  # fmt: skip
    console = Console(width=100, record=True)
    with console.capture() as captured:
        console.print(card(result))
    shown = captured.get()
    assert "It is so [1][3]." in shown
    assert "https://1.example/" in shown
    assert "https://3.example/" in shown
    assert "https://2.example/" not in shown
