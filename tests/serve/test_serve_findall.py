"""The dialect of find-all, as the client's own SDK speaks it, and as its stream goes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import parallel
import pytest

from research.testing import WebhookReceiver
from research.webhooks.signing import WebhookSecret
from tests.serve.conftest import WEBHOOK_SECRET, Served, serve

LIGHTHOUSES = {
    "list.md": "# Some old lights\n\n| Lighthouse | Opened |\n|---|---|\n| Eddystone | 16 October 1759 |\n"
    "| Bell Rock | 1 February 1811 |\n| Skerryvore | 1 February 1844 |\n",
    "eddystone.md": "# Eddystone\n\nBuilder: John Smeaton\nOpened: 16 October 1759\n",
    "bell-rock.md": "# Bell Rock\n\nBuilder: Robert Stevenson\nOpened: 1 February 1811\n",
    "skerryvore.md": "# Skerryvore\n\nBuilder: Alan Stevenson\nOpened: 1 February 1844\n",
}
CONDITIONS = [{"name": "opened_before_1820", "description": "opened before 1820"}]
ASKED: dict[str, Any] = {
    "objective": "lighthouses opened before 1820",
    "entity_type": "lighthouses",
    "match_conditions": CONDITIONS,
    "generator": "base",
    "match_limit": 5,
}


@pytest.fixture(scope="module")
def lights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    yield from serve(tmp_path_factory.mktemp("lights"), pages=LIGHTHOUSES)


@pytest.fixture
def sdk(lights: Served) -> parallel.Parallel:
    return parallel.Parallel(api_key=lights.keys["alice"], base_url=lights.url)


def ended(lights: Served, id: str) -> dict[str, Any]:
    with lights.client() as client:
        return [
            json.loads(line[6:])
            for line in client.get(f"/v1beta/findall/runs/{id}/events").text.splitlines()
            if line.startswith("data: ")
        ][-1]


def test_a_run_finds_what_meets_its_conditions(lights: Served, sdk: parallel.Parallel) -> None:
    """Ingest, create, follow, read, extend, enrich: each by the client's own call."""
    asked = sdk.beta.findall.ingest(objective="lighthouses opened before 1820")
    assert asked.entity_type == "lighthouses"
    assert [condition.description for condition in asked.match_conditions] == ["opened before 1820"]
    made = sdk.beta.findall.create(**ASKED | {"match_limit": 1, "metadata": {"team": "coast"}})
    assert (made.generator, made.metadata, made.status.is_active) == ("base", {"team": "coast"}, True)
    assert ended(lights, made.findall_id)["data"]["status"]["termination_reason"] == "match_limit_met"

    sdk.beta.findall.extend(findall_id=made.findall_id, additional_match_limit=4)
    events = list(sdk.beta.findall.events(findall_id=made.findall_id))
    assert events[-1].type == "findall.status"
    result = sdk.beta.findall.result(findall_id=made.findall_id)
    assert result.run.status.termination_reason == "candidates_exhausted"
    matched = {each.name: each for each in result.candidates if each.match_status == "matched"}
    assert set(matched) == {"Eddystone", "Bell Rock"}
    assert result.run.status.metrics.matched_candidates_count == 2
    (basis,) = matched["Eddystone"].basis or []
    assert "16 October 1759" in (basis.citations or [])[0].excerpts[0]
    assert matched["Eddystone"].output == {
        "opened_before_1820": {"value": "1759-10-16", "type": "match_condition", "is_matched": True}
    }
    assert next(each for each in result.candidates if each.name == "Skerryvore").match_status == "unmatched"

    schema = {"type": "json", "json_schema": {"type": "object", "properties": {"builder": {"type": "string"}}}}
    enriched = sdk.beta.findall.enrich(findall_id=made.findall_id, output_schema=schema, processor="lite")
    assert len(enriched.enrichments or []) == 1
    ended(lights, made.findall_id)
    result = sdk.beta.findall.result(findall_id=made.findall_id)
    builders = {each.name: (each.output or {}).get("builder") for each in result.candidates if each.match_status == "matched"}
    assert builders == {
        "Eddystone": {"value": "John Smeaton", "type": "enrichment"},
        "Bell Rock": {"value": "Robert Stevenson", "type": "enrichment"},
    }
    assert list(sdk.beta.findall.events(findall_id=made.findall_id, last_event_id=result.last_event_id or "")) == []
    with lights.client() as client:
        listed = client.get("/v1beta/findall/runs").json()["runs"]
    assert [run["findall_id"] for run in listed] == [made.findall_id]


def test_a_run_is_cancelled_and_seen_by_its_owner_alone(lights: Served, sdk: parallel.Parallel) -> None:
    made = sdk.beta.findall.create(**ASKED)
    sdk.beta.findall.cancel(findall_id=made.findall_id)
    assert sdk.beta.findall.retrieve(findall_id=made.findall_id).status.status in ("cancelled", "cancelling", "completed")
    root = f"/v1beta/findall/runs/{made.findall_id}"
    with lights.client("bob") as other:
        for method, path in (
            ("GET", root),
            ("GET", f"{root}/result"),
            ("GET", f"{root}/schema"),
            ("GET", f"{root}/events"),
            ("POST", f"{root}/cancel"),
            ("POST", f"{root}/extend"),
            ("POST", f"{root}/enrich"),
        ):
            body = {"additional_match_limit": 1} if path.endswith("extend") else {"output_schema": {"json_schema": {}}}
            answer = other.request(method, path, json=body if method == "POST" else None)
            assert answer.status_code in (404, 422), path
            assert answer.json()["type"] == "error"
        assert other.get("/v1beta/findall/runs").json()["runs"] == []


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"match_conditions": []}, "match_conditions"),
        ({"match_conditions": [{"name": "x", "description": " ? "}]}, "/match_conditions/0"),
        ({"generator": "huge"}, "generator"),
        ({"match_limit": 0}, "match_limit"),
        ({"memory_scope_key": "x"}, "memory_scope_key"),
        ({"objective": " "}, "task"),
    ],
)
def test_what_is_wrong_with_a_run_is_named(lights: Served, change: dict[str, Any], place: str) -> None:
    with lights.client() as client:
        answer = client.post("/v1beta/findall/runs", json=ASKED | change)
    assert answer.status_code == 422
    assert place in answer.json()["error"]["message"]


def test_entities_are_searched_in_one_call(lights: Served, sdk: parallel.Parallel) -> None:
    found = sdk.beta.findall.entity_search(entity_type="companies", objective="lighthouses opened before 1820", match_limit=5)
    assert {entity.name for entity in found.entities} == {"Eddystone", "Bell Rock"}
    assert all(entity.url.startswith("corpus://") for entity in found.entities)
    with pytest.raises(parallel.UnprocessableEntityError, match="/match_limit"):
        sdk.beta.findall.entity_search(entity_type="people", objective="keepers", match_limit=1)


def test_a_webhook_is_told_of_the_end_of_a_run(lights: Served, sdk: parallel.Parallel) -> None:
    with WebhookReceiver(WebhookSecret(WEBHOOK_SECRET)) as receiver:
        made = sdk.beta.findall.create(**ASKED, webhook={"url": receiver.url, "event_types": ["task_run.status"]})
        ended(lights, made.findall_id)
        until = time.monotonic() + 20
        while not receiver.accepted and time.monotonic() < until:
            time.sleep(0.05)
    (event,) = (each.event for each in receiver.accepted)
    assert (event["type"], event["data"]["findall_id"]) == ("findall.run.completed", made.findall_id)
    assert event["data"]["status"]["metrics"]["matched_candidates_count"] == 2
    wrong = {"url": "https://example.com/hook", "event_types": ["findall.candidate.matched"]}
    with pytest.raises(parallel.UnprocessableEntityError, match=r"/webhook/event_types/0.*findall\.run\.completed"):
        sdk.beta.findall.create(**ASKED, webhook=wrong)


def test_a_group_of_task_runs_is_no_find_all_run(lights: Served) -> None:
    with lights.client() as client:
        group = client.post("/v1beta/tasks/groups", json={}).json()["taskgroup_id"]
        assert client.get(f"/v1beta/findall/runs/{group}").status_code == 404
        assert client.get("/v1beta/findall/runs/none").status_code == 404


def test_words_that_make_no_condition_are_one_as_a_whole(lights: Served) -> None:
    with lights.client() as client:
        made = client.post("/v1beta/findall/ingest", json={"objective": "lighthouses"}).json()
    assert made["match_conditions"] == [{"name": "lighthouses", "description": "lighthouses"}]


def test_a_stream_that_cannot_be_resumed_says_so(lights: Served) -> None:
    with lights.client() as client:
        made = client.post("/v1beta/findall/runs", json=ASKED).json()["findall_id"]
        answer = client.get(f"/v1beta/findall/runs/{made}/events", params={"last_event_id": "soon"})
    assert answer.status_code == 422
    assert "/last_event_id" in answer.json()["error"]["message"]
