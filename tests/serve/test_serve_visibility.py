"""Who may read a task of somebody else, by its visibility."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.serve.conftest import Served

PATH = "/api/v1/tasks"


@pytest.fixture(scope="module")
def readers(served: Served) -> dict[str, str]:
    """Keys of the owner, of somebody of the same team, of another team and of none."""
    teams = {"vis-owner": "blue", "vis-mate": "blue", "vis-rival": "red", "vis-none": None}
    return {owner: served.keys_file.add(owner, team=team)[1] for owner, team in teams.items()}


def client(served: Served, key: str) -> httpx.Client:
    return httpx.Client(base_url=served.url, headers={"Authorization": f"Bearer {key}"}, timeout=30, trust_env=False)


def asked(served: Served, key: str, visibility: str) -> dict[str, Any]:
    body = {"input": "Who?", "visibility": visibility, "metadata": {"ref": "7"}, "project_id": "p1", "response_format": "json"}
    with client(served, key) as owner:
        return dict(owner.post(PATH, json=body).raise_for_status().json())


@pytest.mark.parametrize(
    ("visibility", "may_read"),
    [
        ("private", set()),
        ("team", {"vis-mate"}),
        ("unlisted", {"vis-mate", "vis-rival", "vis-none"}),
        ("public", {"vis-mate", "vis-rival", "vis-none"}),
    ],
)
def test_a_task_is_read_by_those_whom_its_visibility_names_and_changed_by_its_owner_alone(
    served: Served, readers: dict[str, str], visibility: str, may_read: set[str]
) -> None:
    id = asked(served, readers["vis-owner"], visibility)["task_id"]
    for name in ("vis-mate", "vis-rival", "vis-none"):
        with client(served, readers[name]) as other:
            got = other.get(f"{PATH}/{id}")
            assert got.status_code == (200 if name in may_read else 404), name
            if got.is_success:
                assert (got.json()["metadata"], got.json()["session_id"], got.json()["project_id"]) == ({}, None, None)
            for method, path in (("GET", "/events"), ("GET", "/artifacts"), ("POST", "/cancel"), ("POST", "/approve")):
                assert other.request(method, f"{PATH}/{id}{path}").status_code == 404
            assert other.get(f"/v1/tasks/{id}").status_code == 404
            listed = other.get(PATH, params={"visibility": "public", "limit": 1000}).json()["tasks"]
            assert (id in {task["task_id"] for task in listed}) is (visibility == "public")
            assert id not in {task["task_id"] for task in other.get(PATH).json()["tasks"]}
    with client(served, readers["vis-owner"]) as owner:
        own = owner.get(f"{PATH}/{id}").json()
    assert (own["metadata"], own["project_id"], own["visibility"]) == ({"ref": "7"}, "p1", visibility)
    assert own["session_id"]


def test_the_owner_of_an_id_reads_its_own_task_before_a_public_one(served: Served, readers: dict[str, str]) -> None:
    body = {"response_format": "json", "task_id": "vis-same-id"}
    for name, objective in (("vis-owner", "Mine?"), ("vis-rival", "Theirs?")):
        with client(served, readers[name]) as each:
            each.post(PATH, json={**body, "input": objective, "visibility": "public"}).raise_for_status()
    read = {}
    for name in ("vis-owner", "vis-rival", "vis-none"):
        with client(served, readers[name]) as each:
            read[name] = each.get(f"{PATH}/vis-same-id").json()["task"]
    assert read == {"vis-owner": "Mine?", "vis-rival": "Theirs?", "vis-none": "Mine?"}
