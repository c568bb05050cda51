"""The requests that docs/dialects.md shows are accepted as they stand."""

from __future__ import annotations

import json

import pytest

from tests.docs.docs_blocks import Block, blocks_in
from tests.serve.conftest import Served


@pytest.mark.parametrize("block", blocks_in("http"), ids=lambda block: block.place)
def test_a_request_of_the_docs_is_accepted(served: Served, block: Block) -> None:
    line, body = block.code.split("\n\n", 1)
    method, path = line.split()
    with served.client() as client, client.stream(method, path, json=json.loads(body)) as answer:
        assert answer.is_success, answer.read()


@pytest.mark.parametrize("path", ["/v1/tasks", "/browser/v1/tasks", "/api/v1/tasks"])
def test_the_same_idempotency_key_is_the_same_task(served: Served, path: str) -> None:
    headers = {"Idempotency-Key": f"key of {path}", "Accept": "application/json"}
    body = {"task": "Who built the Bell Rock Lighthouse?", "endUserId": "u"} if "browser" in path else {"task": "Who built it?"}
    with served.client() as client:
        first, again = (client.post(path, json=body, headers=headers).raise_for_status().json() for _ in range(2))
        other = client.post(path, json={**body, "task": "Who lit it?"}, headers=headers)
    id = "taskId" if "browser" in path else "task_id"
    assert first[id] == again[id]
    assert other.status_code == 409
