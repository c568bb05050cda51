"""The dialect of browser-task-submit: end users and their sessions, its codes, what is on the record; the path that it shares."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from flows.serve.dialects.browser import shape
from flows.serve.records.task_records import TaskRecord
from research.result.result import Result
from research.task.task import Task
from tests.serve.conftest import Served

ROOT, ALONE = "/v1/tasks", "/browser/v1/tasks"
ASKED = {"endUserId": "alice-17", "task": "When was the Eddystone Lighthouse first lit?"}
SCHEMA = {"type": "object", "properties": {"first_lit": {"type": "string", "format": "date"}}}


def submit(served: Served, owner: str = "alice", path: str = ROOT, **fields: Any) -> httpx.Response:
    body = {name: value for name, value in {**ASKED, **fields}.items() if value is not None}
    with served.client(owner) as client:
        return client.post(path, json=body)


@pytest.fixture(scope="module")
def accepted(served: Served) -> dict[str, Any]:
    answer = submit(served, schema=SCHEMA)
    assert answer.status_code == 201
    return dict(answer.json())


def test_a_submission_is_pending_and_has_a_session_of_its_own(accepted: dict[str, Any]) -> None:
    assert list(accepted) == ["taskId", "sessionId", "status", "createdAt"]
    assert accepted["status"] == "pending"
    assert accepted["createdAt"].endswith("Z")
    assert accepted["sessionId"] not in ("", accepted["taskId"])


def test_the_examples_of_the_page_are_accepted(served: Served) -> None:
    short = {"endUserId": "alice", "task": "What is the current top story on Hacker News?"}
    form = {"startUrl": "http://127.0.0.1:9/", "schema": {"story": "string"}, "maxSteps": 123, "include_html_dump": True}
    with served.client() as client:
        begun = client.post(ROOT, json=short)
        whole = client.post(ROOT, json={**short, **form, "sessionId": begun.json()["sessionId"]})
        record = client.get(f"{ROOT}/{whole.json()['taskId']}").json()
    assert (begun.status_code, whole.status_code) == (201, 201)
    assert whole.json()["sessionId"] == begun.json()["sessionId"]
    assert (record["maxSteps"], record["startUrl"]) == (25, form["startUrl"])


def test_a_completed_task_has_its_structured_content(served: Served, accepted: dict[str, Any]) -> None:
    done = served.wait(f"{ROOT}/{accepted['taskId']}")
    assert (done["status"], done["endUserId"], done["sessionId"]) == ("completed", "alice-17", accepted["sessionId"])
    assert (done["structured_content"], done["html_dump"], done["maxSteps"]) == ({"first_lit": "1759-10-16"}, None, 25)
    assert done["result"]


def test_html_and_structured_content_are_told_where_they_were_asked_for() -> None:
    task = Task.model_validate({"task": "What is new?", "end_user_id": "alice-17", "include_html_dump": True})
    result = Result(task_id="t1", status="completed", task=task.task, processor="core", model="scripted", html_dump="<p>New</p>")
    at = datetime(2026, 4, 21, 4, 55, 34, tzinfo=UTC)
    kept = TaskRecord(
        id="t1",
        number=1,
        owner="alice",
        dialect="browser",
        request={},
        task=task,
        status="completed",
        result=result.changed(output={"answer": "A lot."}, answer="A lot."),
        created_at=at,
        modified_at=at,
    )
    told = shape(kept)
    assert (told.html_dump, told.structured_content, told.result) == ("<p>New</p>", None, "A lot.")
    assert shape(kept.changed(request={"has_schema": True})).structured_content == {"answer": "A lot."}
    assert shape(kept.changed(status="queued", result=None)).status == "pending"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"endUserId": None, "maxSteps": 9}, "endUserId"),
        ({"endUserId": "x" * 257}, "endUserId"),
        ({"endUserId": 7}, "endUserId"),
        ({"task": None}, "task"),
        ({"task": " \n"}, "task"),
        ({"maxSteps": 2}, "maxSteps"),
        ({"maxSteps": 7.5}, "maxSteps"),
        ({"startUrl": "ftp://energy.example"}, "startUrl"),
        ({"startUrl": "http://169.254.169.254/latest"}, "startUrl"),
        ({"schema": {"type": "object", "properties": 7}}, "schema/properties"),
        ({"browserType": "chromium"}, "browserType"),
    ],
)
def test_what_is_wrong_is_named_with_400(served: Served, fields: dict[str, Any], named: str) -> None:
    answer = submit(served, **fields)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "bad_request"
    assert f"/{named}:" in answer.json()["error"]["message"]


def test_a_body_that_is_no_json_is_a_400(served: Served) -> None:
    with served.client() as client:
        answer = client.post(ALONE, content="{", headers={"content-type": "application/json"})
    assert answer.status_code == 400


def test_an_end_users_name_may_have_256_characters(served: Served) -> None:
    assert submit(served, endUserId="x" * 256).status_code == 201


@pytest.mark.parametrize(("asked", "held", "warned"), [(123, 25, True), (25, 25, False), (10.0, 10, False)])
def test_more_steps_than_25_are_clamped_with_a_warning(served: Served, asked: float, held: int, warned: bool) -> None:
    task = submit(served, maxSteps=asked).json()["taskId"]
    with served.client() as client:
        record = client.get(f"{ROOT}/{task}").json()
    assert record["maxSteps"] == held
    assert any("maxSteps" in warning for warning in record["warnings"]) is warned


def test_a_session_goes_on_for_its_own_caller_and_end_user_alone(served: Served, accepted: dict[str, Any]) -> None:
    session = accepted["sessionId"]
    again = submit(served, sessionId=session)
    assert (again.status_code, again.json()["sessionId"]) == (201, session)
    refused = [
        submit(served, "bob", sessionId=session),
        submit(served, endUserId="mallory", sessionId=session),
        submit(served, sessionId="never-minted"),
    ]
    assert [answer.status_code for answer in refused] == [403, 403, 403]
    assert refused[0].json()["error"]["code"] == "forbidden"
    assert "/sessionId: " in refused[0].json()["error"]["message"], "as the caller calls it"
    assert refused[0].json()["error"]["message"].replace(session, "never-minted") == refused[2].json()["error"]["message"]


def test_keys_that_are_not_accepted_get_401_and_403(served: Served) -> None:
    key, secret = served.keys_file.add("carol")
    with httpx.Client(base_url=served.url, trust_env=False) as client:
        none = client.post(ROOT, json=ASKED)
        wrong = client.post(ROOT, json=ASKED, headers={"Authorization": "Bearer rsk_x"})
        served.keys_file.revoke(key.id)
        revoked = client.post(ROOT, json=ASKED, headers={"Authorization": f"Bearer {secret}"})
    assert [answer.status_code for answer in (none, wrong, revoked)] == [401, 401, 403]
    assert [answer.json()["error"]["code"] for answer in (none, wrong, revoked)] == ["unauthorized", "unauthorized", "forbidden"]


def test_one_task_too_many_is_a_429_that_says_when_to_ask_again(served: Served) -> None:
    _, secret = served.keys_file.add("dave", max_open_tasks=0)
    with httpx.Client(base_url=served.url, trust_env=False) as client:
        answer = client.post(ROOT, json=ASKED, headers={"Authorization": f"Bearer {secret}"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "too_many_requests")
    assert int(answer.headers["Retry-After"]) >= 1


def test_the_shared_path_answers_in_the_dialect_of_the_body_and_of_the_record(served: Served, accepted: dict[str, Any]) -> None:
    plain = {"task": ASKED["task"]}
    with served.client() as client:
        created = client.post(ROOT, json=plain)
        assert (created.status_code, created.json()["status"]) == (200, "queued")
        for fields in ({"startUrl": "https://energy.example"}, {"maxSteps": 5}, {"sessionId": "s"}):
            assert client.post(ROOT, json={**plain, **fields}).json()["error"]["code"] == "bad_request"  # no endUserId
        assert client.post(ALONE, json=plain).status_code == 400
        assert "taskId" in client.get(f"{ROOT}/{accepted['taskId']}").json()
        assert "task_id" in client.get(f"{ROOT}/{created.json()['task_id']}").json()
        listed = client.get(ALONE, params={"limit": 1000}).json()["tasks"]
    assert accepted["taskId"] in {task["taskId"] for task in listed}
    assert created.json()["task_id"] not in {task["taskId"] for task in listed}
