"""The dialects of search and extract, spoken by `parallel-web`, and what they add: searches as runs, fields by a schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import parallel
import pytest
from parallel import Parallel

from research.testing.web_server import Served as Page
from research.testing.web_server import WebServer
from tests.serve.conftest import PAGES, Served

OBJECTIVE = "When was the Bell Rock Lighthouse first lit?"
PAGE = "corpus://corpus/bell-rock.md"


@pytest.fixture
def client(served: Served) -> Iterator[Parallel]:
    with Parallel(base_url=served.url, api_key=served.keys["alice"], max_retries=0) as opened:
        yield opened


def test_a_search_brings_pages_with_excerpts_that_stand_in_them(client: Parallel) -> None:
    found = client.search(objective=OBJECTIVE, search_queries=["Bell Rock Lighthouse"], session_id="mine")
    assert found.session_id == "mine"
    assert found.results[0].url == PAGE
    assert found.results[0].title == "Bell Rock Lighthouse"
    assert "first lit on 1 February 1811" in found.results[0].excerpts[0]
    assert all(excerpt in PAGES["bell-rock.md"] for excerpt in found.results[0].excerpts)
    few = client.search(
        search_queries=["lighthouse"],
        max_chars_total=60,
        advanced_settings={"max_results": 1, "excerpt_settings": {"max_chars_per_result": 50}},
    )
    assert len(few.results) == 1
    assert sum(map(len, few.results[0].excerpts)) <= 50


def test_the_spelling_of_the_beta_is_understood_and_what_means_nothing_is_named(served: Served) -> None:
    body = {"objective": OBJECTIVE, "processor": "pro", "max_results": 1, "max_chars_per_result": 100, "client_model": "x"}
    with served.client() as client:
        answer = client.post("/v1beta/search", json=body, headers={"parallel-beta": "search-extract-2025-10-10"}).json()
    assert [result["url"] for result in answer["results"]] == [PAGE]
    assert [warning["message"].split()[0] for warning in answer["warnings"]] == ["processor", "client_model"]


def test_a_search_is_a_run_that_is_listed_read_followed_and_seen_by_its_owner_alone(client: Parallel, served: Served) -> None:
    id = client.search(search_queries=["Eddystone"]).search_id
    with served.client() as alice, served.client("bob") as bob:
        listed = alice.get("/v1/search/runs", params={"limit": 1}).json()
        assert [run["search_id"] for run in listed["runs"]] == [id]
        assert listed["next_cursor"]
        run = alice.get(f"/v1/search/runs/{id}").json()
        assert (run["status"], run["search_queries"]) == ("completed", ["Eddystone"])
        assert run["result"]["results"][0]["url"] == "corpus://corpus/lighthouse.md"
        assert '"type": "search.state"' in alice.get(f"/v1/search/runs/{id}/events").text
        assert alice.post(f"/v1/search/runs/{id}/cancel").json()["status"] == "completed"
        assert bob.get("/v1/search/runs").json()["runs"] == []
        for method, path in (("GET", ""), ("GET", "/events"), ("POST", "/cancel")):
            assert bob.request(method, f"/v1/search/runs/{id}{path}").status_code == 404
        task = alice.post("/v1/tasks/runs", json={"input": OBJECTIVE, "processor": "base"}).json()["run_id"]
        assert alice.get(f"/v1/search/runs/{task}").status_code == 404
        assert alice.get(f"/v1/tasks/runs/{id}").status_code == 404


def test_extract_reads_pages_and_says_which_it_could_not(client: Parallel, served: Served) -> None:
    with WebServer({"/lamp": "<title>Lamps</title><p>The lamps burn oil.</p><p>There are 24 of them.</p>"}) as web:
        urls = [f"{web.url}/lamp", PAGE, f"{web.url}/nothing", "http://169.254.169.254/latest"]
        read = client.extract(urls=urls, objective="What do the lamps burn?", advanced_settings={"full_content": True})
    assert [result.url for result in read.results] == urls[:2]
    assert "The lamps burn oil." in read.results[0].excerpts[0]
    assert read.results[0].full_content is not None
    assert "24 of them" in read.results[0].full_content
    assert [error.url for error in read.errors] == urls[2:]
    assert read.errors[1].error_type == "FetchRefused"
    with served.client() as plain:
        one = plain.get("/v1/extract", params={"url": PAGE}).json()
    assert one["results"][0]["full_content"].startswith("# Bell Rock Lighthouse")


def test_extract_by_a_schema_fills_its_fields_from_the_page_with_their_basis(served: Served) -> None:
    text = "<title>Start Point Lighthouse</title><p>The Start Point Lighthouse was built by James Walker in 1836.</p>"
    with WebServer({"/start": Page(text), "/robots.txt": Page(status=404)}) as web, served.client() as client:
        page = f"{web.url}/start"
        body = {"urls": [page], "objective": "Start Point Lighthouse", "schema": {"builder": "Who built it"}}
        answer = client.post("/v1/extract", json=body)
        assert answer.status_code == 200, answer.text
        got = answer.json()
    assert got["output"] == {"builder": "James Walker"}
    assert got["basis"][0]["citations"][0]["url"] == page


@pytest.mark.parametrize(
    ("call", "body", "says"),
    [
        ("search", {}, "empty"),
        ("search", {"search_queries": [" "]}, "empty"),
        ("search", {"search_queries": ["x"], "advanced_settings": {"source_policy": {"include_domains": ["a/b"]}}}, "a/b"),
        ("search", {"search_queries": ["x"], "nonsense": 1}, "/nonsense"),
        ("extract", {"urls": []}, "/urls"),
        ("extract", {"urls": ["file:///etc/hostname"]}, "http"),
        ("extract", {"urls": ["files:///etc/hostname"]}, "http"),
        ("extract", {"urls": ["/etc/hostname"], "schema": {"a": "b"}}, "http"),
        ("extract", {"urls": ["https://example.com"], "schema": {}}, "names no field"),
    ],
)
def test_a_request_that_is_wrong_is_refused_with_its_place(client: Parallel, call: str, body: dict[str, Any], says: str) -> None:
    with pytest.raises(parallel.UnprocessableEntityError, match=says):
        client.post(f"/v1/{call}", body=body, cast_to=object)
