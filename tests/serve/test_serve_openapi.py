"""The OpenAPI document holds: whatever a request looks like, no answer is a fault of the service, and each has its stated form.

Few examples a path here; `SCHEMATHESIS_EXAMPLES=200 pytest tests/serve/test_serve_openapi.py` draws as many as one likes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import httpx
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.serve.conftest import Served
from tests.serve.root_paths import at_root
from tests.serve.some_records import some_records

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "2"))


def test_no_answer_is_a_fault_or_of_another_form_than_documented(served: Served) -> None:
    import schemathesis  # it takes a second, which every test process would spend at collection

    document = httpx.get(f"{served.url}/openapi.json", timeout=60, trust_env=False).json()
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=served.url)
    headers = {"Authorization": f"Bearer {served.keys['alice']}"}
    ids = some_records(served, "alice")
    breaches: dict[str, str] = {}
    answered: dict[str, set[int]] = {}
    for found in schema.get_all_operations():
        operation = found.ok()
        if at_root(operation.path, document["paths"]) is not None:
            continue
        asked = _asking(operation, headers, ids, answered.setdefault(operation.label, set()))
        try:
            asked()
        except Exception as error:  # noqa: BLE001 - all breaches of all paths, not only the first
            breaches[operation.label] = str(error)
    for name, codes in answered.items():
        print(f"{name:70} {sorted(codes)}{'   BREACH' if name in breaches else ''}")
    assert len(answered) > 20
    assert breaches == {}, "\n\n".join(f"{name}\n{why[:1500]}" for name, why in breaches.items())


def test_a_path_under_its_dialects_name_is_documented_as_the_one_at_the_root(served: Served) -> None:
    """It is the same route, so only one of the two is asked above."""
    paths = httpx.get(f"{served.url}/openapi.json", timeout=60, trust_env=False).json()["paths"]
    twice = {path: root for path in paths if (root := at_root(path, paths)) is not None}
    assert len(twice) > 20
    for path, root in twice.items():
        for operations in (paths[path], paths[root]):
            for operation in operations.values():
                operation.pop("operationId")
        assert paths[path] == paths[root]


def _asking(operation: Any, headers: dict[str, str], ids: list[str], answered: set[int]) -> Callable[[], None]:
    """Asks one path as the document says, and as it does not say; of records that are there, too."""
    from schemathesis import GenerationMode
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks

    wanted = [
        not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_schema_conformance,
    ]

    @settings(max_examples=EXAMPLES, phases=[Phase.generate], suppress_health_check=list(HealthCheck), deadline=None)
    @given(
        case=st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in GenerationMode)),
        known=st.none() | st.sampled_from(ids),
    )
    def asked(case: Any, known: str | None) -> None:
        if known is not None:
            case.path_parameters = dict.fromkeys(case.path_parameters, known)
        answer = case.call(headers=headers, timeout=20)
        answered.add(answer.status_code)
        case.validate_response(answer, checks=wanted)

    return asked
