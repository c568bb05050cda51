"""Records in every dialect, for tests of all paths at once."""

from __future__ import annotations

from typing import Any, Final

from tests.serve.conftest import Served

TASK: Final = "When was the Bell Rock Lighthouse first lit?"
BODIES: Final[tuple[tuple[str, dict[str, Any], str], ...]] = (
    ("/v1/tasks", {"task": TASK, "output_schema": {"first_lit": "date"}}, "task_id"),
    ("/browser/v1/tasks", {"task": TASK, "endUserId": "somebody"}, "taskId"),
    ("/api/v1/tasks", {"input": TASK, "response_format": "json"}, "task_id"),
    ("/v1/tasks/runs", {"input": TASK, "processor": "core", "enable_events": True}, "run_id"),
    ("/v1beta/tasks/groups", {"metadata": {"secret": "mine"}}, "taskgroup_id"),
    ("/v1/monitors", {"type": "event_stream", "frequency": "1d", "settings": {"query": TASK}}, "monitor_id"),
)
"""Of each kind of record: where it is made, of what, and which member of the answer is its id."""


def some_records(served: Served, owner: str) -> list[str]:
    """Make a record of each kind. Returns their ids."""
    ids = []
    with served.client(owner) as client:
        for path, body, name in BODIES:
            answer = client.post(path, json=body).raise_for_status().json()
            ids.append(str(answer[name]))
    return ids
