"""Nobody sees another owner's records: every path of every dialect is tried with every id of another owner (a second address of
the same route with one id), and is answered as for an id that is not there. The table of tries is printed
(`pytest -s tests/serve/test_serve_isolation.py`)."""

from __future__ import annotations

import re
from typing import Any, Final

import httpx
import pytest
from starlette.routing import WebSocketRoute
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from flows.serve.dialects import DIALECTS
from tests.serve.conftest import Served
from tests.serve.root_paths import at_root
from tests.serve.some_records import TASK, some_records

NOBODYS: Final = "00000000-0000-4000-8000-000000000000"
BODIES: Final[tuple[dict[str, Any], ...]] = (
    {"inputs": [{"input": TASK, "processor": "core"}]},
    {"decision": "approve"},
    {"answers": {"s1q1": "yes"}},
)
"""What a path may want before it looks for a record; each is tried."""
SESSIONS: Final = (
    ("/browser/v1/tasks", {"task": TASK, "endUserId": "somebody"}, "sessionId"),
    ("/v1/tasks", {"task": TASK, "end_user_id": "somebody"}, "session_id"),
    ("/v1/tasks/runs", {"input": TASK, "processor": "core"}, "previous_interaction_id"),
    ("/api/v1/tasks", {"input": TASK, "response_format": "json"}, "session_id"),
)


def test_no_path_tells_another_owners_record_from_one_that_is_not_there(served: Served) -> None:
    theirs = some_records(served, "alice")
    told: list[str] = []
    tries = 0
    with served.client("bob") as client:
        paths = _paths(served)
        known = {path for _, path in paths}
        for method, path in paths:
            names = re.findall(r"{(\w+)", path)
            nothing = _asked(client, method, path, names, NOBODYS)
            codes = set()
            for id in theirs[:1] if at_root(path, known) else theirs:
                something = _asked(client, method, path, names, id)
                tries += len(something)
                codes |= {code for code, _ in something}
                if nothing != something or any(code < 400 for code, _ in something):
                    told.append(f"{method} {path} of {id}: {something}, and of nobody's: {nothing}")
            print(f"{method:6} {path:62} another's: {sorted(codes)}, as nobody's")
    print(f"{tries} tries, {len(told)} told something")
    assert tries > 100
    assert told == []


def test_no_list_names_another_owners_record(served: Served) -> None:
    theirs = some_records(served, "alice")
    named = {}
    with served.client("bob") as client:
        for method, path in _paths(served, of_records=False):
            if method == "GET":
                answer = client.get(path)
                found = [id for id in theirs if id in answer.text]
                print(f"{method:6} {path:62} {answer.status_code}, {len(theirs)} ids of another: {len(found)} named")
                named |= {path: found} if found else {}
    assert named == {}


def test_no_websocket_opens_for_another_owners_record(served: Served) -> None:
    theirs = some_records(served, "alice")
    seen: dict[str, set[str]] = {}
    for path in _websockets(served):
        for id in (*theirs, NOBODYS):
            seen.setdefault(path, set()).add(_heard(served, re.sub(r"{[^}]*}", id, path)))
    for path, answers in seen.items():
        print(f"WS     {path:62} another's and nobody's: {sorted(answers)}")
    assert seen
    assert all(len(answers) == 1 and next(iter(answers)).startswith("refused") for answers in seen.values()), seen


@pytest.mark.parametrize(("path", "body", "name"), SESSIONS)
def test_a_session_of_another_owner_is_as_unknown_as_one_that_is_not_there(
    served: Served, path: str, body: dict[str, Any], name: str
) -> None:
    answers = []
    with served.client("alice") as alice, served.client("bob") as bob:
        begun = alice.post("/browser/v1/tasks", json={"task": TASK, "endUserId": "somebody"}).raise_for_status().json()
        for session in (begun["sessionId"], NOBODYS):
            answer = bob.post(path, json={**body, name: session})
            answers.append((answer.status_code, _without(answer.text, session)))
    print(f"POST   {path:30} {name:25} another's: {answers[0][0]}, as nobody's")
    assert answers[0] == answers[1]
    assert 400 <= answers[0][0] < 500


def _paths(served: Served, *, of_records: bool = True) -> list[tuple[str, str]]:
    """The paths of the application, as its document has them: those of records, or the others."""
    document = httpx.get(f"{served.url}/openapi.json", timeout=60, trust_env=False).json()
    return [
        (method.upper(), path)
        for path, operations in document["paths"].items()
        if ("{" in path) == of_records
        for method in operations
    ]


def _websockets(served: Served) -> list[str]:
    """The WebSockets of the dialects, which no document has."""
    found = []
    for dialect in DIALECTS:
        paths = [route.path for route in dialect.router(served.service).routes if isinstance(route, WebSocketRoute)]
        prefixes = [*([""] if dialect.AT_ROOT else []), *([f"/{dialect.NAME}"] if dialect.NAME else [])]
        found += [prefix + path for prefix in prefixes for path in paths]
    return found


def _asked(client: httpx.Client, method: str, path: str, names: list[str], id: str) -> list[tuple[int, str]]:
    """What another owner is answered, without the id itself."""
    url = path
    for name in names:
        url = re.sub(rf"{{{name}(:\w+)?}}", id, url)
    bodies = BODIES if method in ("POST", "PUT", "PATCH") else (None,)
    answers = [client.request(method, url, json=body) for body in bodies]
    return [(answer.status_code, _without(answer.text, id)) for answer in answers]


def _without(text: str, id: str) -> str:
    """A text in which an id, and what is new with each request, is not told apart."""
    return re.sub(r'"(ref_id|request_id)":\s*"[^"]*"', "", text.replace(id, "ID"))


def _heard(served: Served, path: str) -> str:
    headers = {"Authorization": f"Bearer {served.keys['bob']}"}
    url = served.url.replace("http", "ws", 1) + path
    try:
        with connect(url, additional_headers=headers, open_timeout=10, proxy=None) as socket:
            return f"heard {socket.recv(timeout=10)!r}"
    except InvalidStatus as refused:
        return f"refused {refused.response.status_code}"
    except ConnectionClosed as closed:
        return f"refused {closed.rcvd.code if closed.rcvd else 'without a word'}"
