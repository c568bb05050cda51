"""The service over HTTP, whatever the dialect: keys, limits, bounds, names of requests."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from socket import gaierror

import httpx
import pytest
from fastapi import APIRouter, Request, Response
from sqlalchemy.exc import IntegrityError, OperationalError
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from flows.serve.dialects import parallel, tasks
from flows.serve.errors import KeyRevoked, NotAuthenticated, OverLimit
from flows.serve.http.app import create_app
from flows.serve.http.keys import Keys
from flows.serve.http.limits import RequestRate
from flows.serve.http.routing import dialect_router
from flows.serve.records.task_records import Owner
from tests.serve.conftest import Served


class Reading:
    """A dialect that reads bodies."""

    NAME, AT_ROOT = "reading", True

    @staticmethod
    def errors(error: Exception, /) -> Response:
        return tasks.errors(error)

    @staticmethod
    def router(_service: object) -> APIRouter:
        router = APIRouter()

        @router.post("/read")
        async def read(request: Request) -> int:
            return len(await request.body())

        @router.get("/refuse")
        async def refuse() -> None:
            raise NotAuthenticated("nobody asked")

        return router


class Full:
    """A dialect over a database whose disk is full."""

    NAME, AT_ROOT = "full", True

    @staticmethod
    def errors(error: Exception, /) -> Response:
        return parallel.errors(error)

    @staticmethod
    def router(_service: object) -> APIRouter:
        router = dialect_router(parallel.errors)

        @router.post("/v1/full")
        async def full() -> None:
            raise OperationalError(
                "INSERT INTO tasks", {"request": "a secret"}, sqlite3.OperationalError("database or disk is full")
            )

        @router.post("/v1/away")
        async def away() -> None:
            raise gaierror(-2, "Name or service not known")

        @router.post("/v1/gone")
        async def gone() -> None:
            raise FileNotFoundError(2, "No such file or directory")  # a socket of a database that has ended

        @router.post("/v1/wrong")
        async def wrong() -> None:
            raise IntegrityError("INSERT INTO tasks", {}, sqlite3.IntegrityError("NOT NULL constraint failed"))

        return router


async def test_a_database_that_takes_nothing_is_answered_in_the_dialects_words_and_when_to_ask_again(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app(served.service, served.app.state.access, [Full], most_bytes=100)
    headers = {"authorization": f"Bearer {served.keys['alice']}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://door", headers=headers) as client:
        answer, away, gone = [await client.post(f"/v1/{what}") for what in ("full", "away", "gone")]
        with pytest.raises(IntegrityError):  # our own fault, which no later time mends
            await client.post("/v1/wrong")
    assert (away.status_code, gone.status_code) == (503, 503)
    assert (answer.status_code, answer.headers["retry-after"], answer.json()["type"]) == (503, "10", "error")
    assert "cannot be read or written at the moment" in answer.json()["error"]["message"]
    assert "POST /v1/full: the database failed: database or disk is full" in caplog.text
    assert "secret" not in caplog.text


def test_an_answer_names_its_request(served: Served) -> None:
    with httpx.Client(base_url=served.url, trust_env=False) as client:
        assert client.get("/health").json() == {"status": "ok"}
        assert client.get("/health", headers={"x-request-id": "mine1"}).headers["x-request-id"] == "mine1"
        assert len(client.get("/health").headers["x-request-id"]) == 32


async def test_what_no_dialect_answers_has_the_form_of_our_own_answers(served: Served) -> None:
    app = create_app(served.service, served.app.state.access, [Reading])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://door") as client:
        refused, nowhere = await client.get("/refuse"), await client.get("/nowhere/at/all")
    assert (refused.status_code, refused.json()) == (401, {"detail": "nobody asked"})
    assert list(nowhere.json()) == ["detail"]


async def test_a_body_that_is_too_large_is_refused_whether_it_says_how_large_it_is_or_not(served: Served) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b" " * 50

    app = create_app(served.service, served.app.state.access, [Reading], most_bytes=100)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
        assert (await client.post("/read", content=b" " * 101)).status_code == 413
        assert (await client.post("/read", content=pieces())).status_code == 413
        assert (await client.post("/read", content=b" " * 100)).json() == 100


async def test_a_body_that_does_not_come_to_its_end_is_refused_and_its_dialect_does_not_answer_instead(served: Served) -> None:
    async def stops() -> AsyncIterator[bytes]:
        yield b'{"task": '
        await asyncio.Event().wait()

    async def grows() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b" " * 50

    app = create_app(served.service, served.app.state.access, [tasks], most_bytes=100, body_seconds=0.2)
    headers = {"authorization": f"Bearer {served.keys['alice']}", "content-type": "application/json"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://door", headers=headers) as client:
        slow = await client.post("/tasks/v1/tasks", content=stops())
        large = await client.post("/tasks/v1/tasks", content=grows())
    assert (slow.status_code, slow.json()["error"]["type"]) == (408, "TooSlow")
    assert (large.status_code, large.json()["error"]["type"]) == (413, "TooLarge")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"[" * 100_000, "nested too deeply"),
        (json.dumps({"task": "a?", "metadata": dict.fromkeys(map(str, range(10_001)), "x")}).encode(), "has 10,001 members"),
        (b'{"task": "\xff"}', "no text in UTF-8"),
        (b'{"task": "a?", "max_fetches": ' + b"9" * 5_000 + b"}", "too many digits"),
    ],
)
def test_a_body_that_cannot_be_read_says_why(served: Served, body: bytes, told: str) -> None:
    with served.client() as client:
        answer = client.post("/v1/tasks", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422)
    assert told in str(answer.json()["detail"])


def test_too_many_files_are_refused_by_their_count(served: Served) -> None:
    with served.client() as client:
        for path, files in (("/v1/tasks", ["nothing.pdf"] * 200_000), ("/api/v1/tasks", ["https://a.example/x.pdf"] * 1_001)):
            answer = client.post(path, json={"task": "a?", "files": files})
            assert answer.status_code in (400, 422)
            assert f"has {len(files):,} files; a task over HTTP has at most 1,000" in answer.text
            assert len(answer.text) < 1_000, "each file was looked at"


@pytest.mark.parametrize(
    ("path", "place"), [("/v1/nothing", ["detail"]), ("/v1/tasks/runs/x/ws", ["error", "message"]), ("/v1/tasks", ["detail"])]
)
def test_a_websocket_to_a_path_that_has_none_is_told_so_in_the_dialects_words(
    served: Served, path: str, place: list[str]
) -> None:
    with pytest.raises(InvalidStatus) as caught:
        connect(served.url.replace("http", "ws") + path)
    told = json.loads(caught.value.response.body or b"")
    for name in place:
        told = told[name]
    assert (caught.value.response.status_code, told) == (404, f"there is nothing at WebSocket {path}: /docs lists what there is")


async def test_the_body_of_a_request_without_a_key_is_not_read(served: Served) -> None:
    read: list[int] = []

    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b'{"task": ', b'"When?"}'):
            read.append(len(piece))
            yield piece

    transport = httpx.ASGITransport(served.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
        answer = await client.post("/v1/tasks", content=pieces(), headers={"content-type": "application/json"})
    assert (answer.status_code, read) == (401, [])


def test_of_very_many_faults_the_first_are_named(served: Served) -> None:
    with served.client() as client:
        faults = client.post("/v1/tasks", json={"task": "a?"} | dict.fromkeys(map(str, range(5_000)))).json()["detail"]
    assert len(faults) == 101
    assert faults[-1]["msg"] == "and 4,900 more faults"


def test_an_empty_idempotency_key_is_none(served: Served) -> None:
    with served.client() as client:
        first, second = (client.post("/v1/tasks", json={"task": text}, headers={"idempotency-key": ""}) for text in ("a?", "b?"))
    assert first.raise_for_status().json()["task_id"] != second.raise_for_status().json()["task_id"]


def test_the_root_says_what_this_is_and_where_its_page_is(served: Served) -> None:
    with httpx.Client(base_url=served.url, timeout=60, trust_env=False) as client:
        told = client.get("/").raise_for_status().json()
        assert (told["docs"], told["openapi"]) == ("/docs", "/openapi.json")
        assert client.get(told["docs"]).status_code == client.get(told["openapi"]).status_code == 200
        assert client.head("/").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "place"),
    [
        ("GET", "/v1/tasks/runs/x/nothing", 404, ["error", "message"]),
        ("GET", "/parallel/nothing", 404, ["error", "message"]),
        ("DELETE", "/v1/tasks", 405, ["detail"]),
        ("GET", "/browser/v1/nothing", 404, ["error", "message"]),
        ("PUT", "/v1/chat/completions", 405, ["error", "message"]),
        ("GET", "/v2/nothing", 404, ["detail"]),
    ],
)
def test_a_path_or_method_that_is_not_there_is_told_in_the_words_of_its_dialect(
    served: Served, method: str, path: str, status: int, place: list[str]
) -> None:
    with httpx.Client(base_url=served.url, trust_env=False) as client:
        answer = client.request(method, path)
    assert answer.status_code == status
    told = answer.json()
    for name in place:
        told = told[name]
    assert f"{method} {path}" in told
    assert (status == 405) == ("allow" in answer.headers)
    assert path != "/v1/tasks" or answer.headers["allow"] == "GET, POST"


def test_the_openapi_document_says_how_a_key_is_shown(served: Served) -> None:
    with httpx.Client(base_url=served.url, trust_env=False) as client:
        document = client.get("/openapi.json").json()
    assert set(document["components"]["securitySchemes"]) == {"bearer", "x-api-key"}


def test_a_file_of_keys_holds_none_and_a_revoked_one_is_refused_at_once(tmp_path: Path) -> None:
    keys, reader = Keys(tmp_path / "keys.jsonl"), Keys(tmp_path / "keys.jsonl")
    kept, shown = keys.add("alice", max_cost_usd=2.5)
    assert reader.owner_of(shown) == Owner(id="alice", max_cost_usd=2.5)
    assert shown not in (tmp_path / "keys.jsonl").read_text()
    assert (tmp_path / "keys.jsonl").stat().st_mode & 0o077 == 0
    keys.revoke(kept.id)
    with pytest.raises(KeyRevoked):
        reader.owner_of(shown)
    with pytest.raises(NotAuthenticated):
        reader.owner_of(shown + "x")


def test_an_owner_who_asks_too_often_is_told_when_to_come_again() -> None:
    clock = iter([0.0, 0.0, 0.0, 30.0]).__next__
    rate = RequestRate(2, clock)
    owner = Owner(id="alice")
    rate.count(owner)
    rate.count(owner)
    with pytest.raises(OverLimit) as refused:
        rate.count(owner)
    assert refused.value.retry_after == 30
    rate.count(owner)
