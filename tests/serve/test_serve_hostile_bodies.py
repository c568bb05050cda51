"""Bodies that no honest client sends are refused in the dialect's own words: none is a fault of the service."""

from __future__ import annotations

import pytest

from tests.serve.conftest import Served

FIELDS = [
    *(r'"metadata":{"a":"\udfff"}', r'"input":{"a":"\ud800"}', '"input":{"a":NaN}', '"max_steps":1e999', '"verify_loops":9e99'),
    *('"task_id":7', '"files":{"a":1}', '"files":[{"source":5}]', '"webhook":{"url":{}}', '"handoff":[]', '"mode":[]'),
    *('"agent_id":{}', '"agent_ids":5', '"secrets":[1]', '"visibility":7', '"project_id":[]', '"model":{}', '"session_id":7'),
    *(r'"session_id":"\u0000"', '"response_format":[]', '"task_spec":5', '"source_policy":{"include_domains":[1]}', '"":1'),
    *('"endUserId":7', '"sessionId":{"a":1}', '"maxSteps":NaN', '"schema":[]', '"startUrl":"http://[::1"'),
    *('"message":"x"', '"message":{"parts":{}}', '"message":{"parts":[{"type":[]}]}', '"input":' + "[" * 5000 + "]" * 5000),
    '"output_schema":' + '{"a":' * 2000 + "1" + "}" * 2000,
]
WHOLE = ["{", "[]", "null", "7", r'{"task":"\ud800"}', "[" * 50_000 + "]" * 50_000, "\ufeff{}"]


@pytest.mark.parametrize("path", ["/v1/tasks", "/browser/v1/tasks", "/api/v1/tasks"])
def test_a_body_that_is_wrong_is_refused_and_is_no_fault_of_the_service(served: Served, path: str) -> None:
    bodies = [*WHOLE, *(f'{{"task":"x","endUserId":"u",{field}}}' for field in FIELDS)]
    answered = {}
    with served.client() as client:
        for body in bodies:
            with client.stream("POST", path, content=body.encode(), headers={"content-type": "application/json"}) as answer:
                answered[body[:60]] = answer.status_code
    assert {body: status for body, status in answered.items() if status >= 500} == {}
    assert sum(status in (400, 403, 422) for status in answered.values()) > len(answered) * 0.8


@pytest.mark.parametrize("path", ["/v1/tasks", "/browser/v1/tasks", "/api/v1/tasks", "/v1/tasks/runs", "/v1/chat/completions"])
def test_a_body_that_no_header_calls_json_is_told_which_header(served: Served, path: str) -> None:
    with served.client() as client:
        answer = client.post(path, content='{"task":"x"}', headers={"content-type": "application/x-www-form-urlencoded"})
    assert answer.status_code in (400, 422)
    assert "Content-Type: application/json" in answer.text


def test_a_cursor_or_an_id_that_is_none_is_refused(served: Served) -> None:
    with served.client() as client:
        for path in ("/v1/tasks/%00", "/api/v1/tasks/%ff", "/v1/tasks/%F0%9F/events"):
            assert client.get(path).status_code == 404
        for cursor in ("%00", "bjk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5", "bi0x"):
            assert client.get(f"/v1/tasks?cursor={cursor}").status_code in (200, 422)
