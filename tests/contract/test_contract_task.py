"""Every dialect's spelling of a task comes in at one door; what is wrong is said at once, in words and by place."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from research.errors import Fault, InvalidInput, InvalidTask
from research.identity import canonical_json
from research.output_schema.output_spec import OutputSpec
from research.task.dialects import BUILT, MEANINGLESS, without_meaningless
from research.task.task import EXCUSED, SourcePolicy, Task

FULL: dict[str, Any] = {
    "task": "Who operates it?",
    "input": {"mission": "Voyager 1", "year": 1977},
    "output_schema": {"operator": "string"},
    "processor": "research",
    "max_subqueries": 3,
    "max_fetches": 4,
    "max_steps": 30,
    "verify_loops": 2,
    "metadata": {"owner": "me"},
    "source_policy": {"include_domains": ["nasa.gov"], "after_date": "2000-01-01"},
    "start_url": "https://science.nasa.gov/voyager",
    "files": [{"source": "brief.pdf", "sha256": "0" * 64}],
    "mode": "plan",
    "auto_execute_plan": True,
    "allow_questions": True,
    "open_reading": True,
    "search_columns": ["mission"],
    "include_html_dump": True,
    "model": "some-model",
    "task_id": "t-1",
    "secrets": ["CRM_TOKEN"],
    "session_id": "s-1",
    "end_user_id": "alice",
    "project_id": "p-1",
    "visibility": "team",
    "webhook": {"url": "https://hooks.example.com/x", "event_types": ["research.task.failed"]},
    "handoff": "webhook",
    "enable_events": False,
    "mcp_servers": [{"name": "crm", "url": "https://crm.example/mcp", "allowed_tools": ["lookup"]}],
    "agent_id": "registrar",
    "agent_ids": ["registrar"],
    "agent_profiles": [{"id": "registrar", "instructions": "Prefer registers."}],
}
"""Every field that is built, away from its default."""


LABELS = {"project_id", "visibility", "webhook", "handoff", "enable_events"}


def faults_of(request: object, error: type[InvalidInput] = InvalidTask) -> dict[str, str]:
    with pytest.raises(error) as caught:
        Task.model_validate(request)
    return {fault.pointer: fault.message for fault in caught.value.faults}


# Spellings


@pytest.mark.parametrize(
    "request_",
    [
        {"task": " Who? "},
        {"objective": "Who?"},
        {"query": "Who?"},
        {"input": "Who?"},
        {"task": "Who?", "objective": "Who?"},
        {"task": "Who?", "max_fetches": None, "mcp_servers": None},
    ],
)
def test_the_objective_has_four_names(request_: dict[str, Any]) -> None:
    assert Task.model_validate(request_) == Task(task="Who?")


@pytest.mark.parametrize(
    "spelled",
    [
        {"output_schema": {"a": "date"}},
        {"outputSchema": {"a": "date"}},
        {"schema": {"a": "date"}},
        {"structuredOutput": {"a": "date"}},
        {"task_spec": {"output_schema": {"a": "date"}}},
        {"taskSpec": {"outputSchema": {"a": "date"}}},
        {"output_schema": OutputSpec.parse({"a": "date"})},
    ],
)
def test_the_output_schema_has_five_names(spelled: dict[str, Any]) -> None:
    assert Task.model_validate({"task": "x", **spelled}).output_schema == OutputSpec.parse({"a": "date"})


def test_input_is_the_objective_as_text_and_the_row_as_an_object() -> None:
    task = Task.model_validate({"query": "Who?", "input": {"mission": "Voyager 1"}})
    assert (task.task, task.input) == ("Who?", {"mission": "Voyager 1"})


def test_every_field_is_known_in_camel_case() -> None:
    camel = {
        "maxFetches": 4,
        "maxSubqueries": 3,
        "sourcePolicy": FULL["source_policy"],
        "taskId": "t-1",
        "outputSchema": {"a": "b c"},
    }
    task = Task.model_validate({"task": "x", **camel})
    assert (task.max_fetches, task.max_subqueries, task.task_id) == (4, 3, "t-1")


def test_two_spellings_that_disagree_are_a_conflict() -> None:
    faults = faults_of({"task": "Who?", "query": "What?", "max_fetches": 3, "maxFetches": 4})
    assert list(faults) == ["/query", "/maxFetches"]
    assert "/task" in faults["/query"]


@pytest.mark.parametrize(
    ("written", "model"),
    [("opus-4.8", "claude-opus-4-8"), ("haiku-4.5", "claude-haiku-4-5"), ("gpt-5.5-high", "gpt-5.5-high"), (" auto ", None)],
)
def test_a_short_name_of_claudes_models_is_understood(written: str, model: str | None) -> None:
    assert Task.model_validate({"task": "x", "model": written}).model == model


def test_auto_is_no_model_and_an_empty_policy_is_none() -> None:
    """What asks for nothing is the same work as saying nothing."""
    assert Task.model_validate({"task": "x", "model": "auto", "source_policy": {}}) == Task(task="x")


# Faults


def test_all_faults_are_named_at_once_by_the_callers_own_names() -> None:
    faults = faults_of(
        {
            "objective": "  ",
            "maxFetches": 31,
            "max_subqueries": "3",
            "processor": "cor",
            "metadata": {"k" * 17: "v", "long": "v" * 513, "number": 3},
            "schema": {"a": {"type": "strin"}, "type": "object", "properties": {"x": {"type": "strin"}}},
            "input": {"when": float("nan")},
            "task_id": "",
            "metdata": {},
            "mcp_servers": [{"name": "a"}],
        }
    )
    assert set(faults) == {
        "/objective",
        "/maxFetches",
        "/max_subqueries",
        "/processor",
        f"/metadata/{'k' * 17}",
        "/metadata/long",
        "/metadata/number",
        "/schema/properties/x/type",
        "/input/when",
        "/task_id",
        "/metdata",
        "/mcp_servers/0/url",
    }
    assert faults["/objective"] == "must not be empty"
    assert "from 1 to 30" in faults["/maxFetches"]
    assert "base, core, ultra, research" in faults["/processor"]
    assert 'did you mean "metadata"' in faults["/metdata"]
    assert faults["/mcp_servers/0/url"] == "must not be empty"


def test_a_row_is_named() -> None:
    with pytest.raises(InvalidTask, match=r"row 17 cannot be run:\n  /task: must not be empty"):
        Task.model_validate({}, context={"row": 17})


@pytest.mark.parametrize("request_", [None, "text", [FULL]])
def test_a_task_is_an_object(request_: object) -> None:
    with pytest.raises(InvalidTask, match="must be an object"):
        Task.model_validate(request_)


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("max_subqueries", (1, 12), (0, 13)),
        ("max_fetches", (1, 30), (0, 31)),
        ("max_steps", (4, 200), (3, 201)),
        ("verify_loops", (0, 5), (-1, 6)),
    ],
)
def test_limits_are_inclusive(field: str, good: tuple[int, ...], bad: tuple[int, ...]) -> None:
    for number in good:
        assert getattr(Task.model_validate({"task": "x", field: number}), field) == number
    for wrong in (*bad, True, 2.0, "2"):
        assert list(faults_of({"task": "x", field: wrong})) == [f"/{field}"]


def test_metadata_limits_are_inclusive() -> None:
    assert Task.model_validate({"task": "x", "metadata": {"k" * 16: "v" * 512}}).metadata


@pytest.mark.parametrize(
    ("field", "good", "bad", "words"),
    [
        ("visibility", "unlisted", "secret", "private, public, unlisted, team"),
        ("handoff", "artifact", "mail", "webhook, artifact, none"),
        ("enable_events", True, 1, "true or false"),
        ("project_id", "p", "p" * 257, "at most 256 characters"),
        ("webhook", "https://a.example/x", "ftp://a.example/x", "begins with http"),
        ("webhook", {"url": "https://a.example"}, {"url": "https://a.example", "event_types": ["done"]}, "there are"),
        ("webhook", {"url": "https://a.example", "event_types": ["task_run.status"]}, {"event_types": []}, "must not be empty"),
    ],
)
def test_a_label_has_its_values_and_makes_no_other_work(field: str, good: Any, bad: Any, words: str) -> None:
    task = Task.model_validate({"task": "x", field: good})
    assert task.identity() == Task(task="x").identity()
    assert Task.model_validate_json(task.model_dump_json()) == task
    (said,) = faults_of({"task": "x", field: bad}).items()
    assert said[0].startswith(f"/{field}")
    assert words in said[1]


@pytest.mark.parametrize(("field", "idle"), [("visibility", ""), ("handoff", "none"), ("handoff", ""), ("webhook", "")])
def test_a_label_that_says_nothing_is_none(field: str, idle: str) -> None:
    assert Task.model_validate({"task": "x", field: idle}) == Task(task="x")


def test_an_ephemeral_task_has_no_session_and_no_artifact() -> None:
    assert list(faults_of({"task": "x", "ephemeral": True, "sessionId": "s"})) == ["/sessionId"]
    assert list(faults_of({"task": "x", "ephemeral": True, "completion_handoff": "artifact"})) == ["/completion_handoff"]


@pytest.mark.parametrize("field", MEANINGLESS)
def test_a_field_that_means_nothing_here_is_named_with_the_reason(field: str) -> None:
    """Never accepted and ignored: refused here, and left out with a warning where a client sends it by itself."""
    assert "means nothing here" in faults_of({"task": "x", field: "something"})[f"/{field}"]
    assert Task.model_validate({"task": "x", field: None}) == Task(task="x")
    kept, warnings = without_meaningless({"task": "x", field: {"any": 1}})
    assert kept == {"task": "x"}
    assert warnings[0].startswith(f"{field} was left out: ")


def test_the_contract_has_no_other_field() -> None:
    assert set(Task.model_fields) == set(BUILT)


# Identity


@pytest.mark.parametrize("field", Task.model_fields)
def test_every_field_is_in_the_identity_or_excused(field: str) -> None:
    """A field that makes other work changes the identity; one that does not has its reason in `EXCUSED`."""
    full = Task.model_validate(FULL).model_copy(update={"ephemeral": True})  # which asks for no session, so it is not in `FULL`
    default = Task(task="other", task_id=None)
    changed = full.model_copy(update={field: getattr(default, field)})
    assert getattr(full, field) != getattr(default, field)
    assert (full.identity() == changed.identity()) == (field in EXCUSED)


def test_excuses_are_given_for_fields_that_exist() -> None:
    """A new excuse changes what counts as the same work, so it is written here too."""
    of_agents = {"agent_id", "agent_ids"}
    assert (
        set(EXCUSED)
        == {"metadata", "task_id", "secrets", "session_id", "end_user_id", "ephemeral", "auto_execute_plan", *LABELS} | of_agents
        <= set(Task.model_fields)
    )
    assert all(EXCUSED.values())


def test_the_identity_is_json_and_knows_no_spelling() -> None:
    one = Task.model_validate({"task": "x", "schema": {"a": "string", "b": "integer"}})
    properties = {"b": {"type": "integer"}, "a": {"type": "string"}}
    other = Task.model_validate(
        {"query": "x ", "output_schema": {"type": "json", "json_schema": {"properties": properties, "required": ["a", "b"]}}}
    )
    assert canonical_json(one.identity()) == canonical_json(other.identity())


# Pages and files that the task itself names


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://example.com/", "begins with http"),
        ("example.com", "begins with http"),
        ("https://", "begins with http"),
        ("http://[broken", "begins with http"),
        ("https://me:secret@example.com/", "user name or a password"),
    ],
)
def test_a_start_page_is_an_address_of_the_web(url: str, why: str) -> None:
    faults = faults_of({"task": "x", "startUrl": url})
    assert list(faults) == ["/startUrl"]
    assert why in faults["/startUrl"]
    assert "secret" not in faults["/startUrl"]


def test_an_empty_start_page_is_none() -> None:
    assert Task.model_validate({"task": "x", "start_url": " "}) == Task(task="x")


def test_a_given_file_is_its_content(tmp_path: Path) -> None:
    file = tmp_path / "brief.txt"
    file.write_text("one")
    first = Task.model_validate({"task": "x", "files": [str(file), "https://example.com/a.pdf"]})
    file.write_text("two")
    second = Task.model_validate({"task": "x", "files": [str(file), "https://example.com/a.pdf"]})
    assert first.identity() != second.identity()
    assert [given.url for given in first.files] == [f"files:///{file}", "https://example.com/a.pdf"]


def test_a_given_file_that_is_not_there_is_named() -> None:
    faults = faults_of({"task": "x", "files": ["https://example.com/", "no/such/file.pdf", "."]})
    assert set(faults) == {"/files/1", "/files/2"}
    assert "'no/such/file.pdf': there is no such file" in faults["/files/1"]
    assert "'.' is not a file" in faults["/files/2"]


def test_what_the_task_names_is_inside_its_own_policy() -> None:
    policy = {"exclude_domains": ["example.com"]}
    faults = faults_of(
        {"task": "x", "start_url": "https://example.com/", "files": ["http://b.example.com"], "source_policy": policy}
    )
    assert set(faults) == {"/start_url", "/files/0"}


# As a value


def test_a_task_comes_back_equal_however_it_travels() -> None:
    task = Task.model_validate(FULL)
    assert Task.model_validate_json(task.model_dump_json()) == task
    assert Task.model_validate(task.model_dump(mode="json")) == task
    assert pickle.loads(pickle.dumps(task)) == task  # noqa: S301
    assert Task.model_validate(task) == task


def test_the_published_schema_agrees_with_the_door() -> None:
    schema = Task.model_json_schema()
    Draft202012Validator.check_schema(schema)
    check = Draft202012Validator(schema)
    assert check.is_valid(FULL)
    assert check.is_valid(Task.model_validate(FULL).model_dump(mode="json"))
    for wrong in (
        {"max_fetches": 31},
        {"metadata": {"k" * 17: "v"}},
        {"metadata": {"k": "v" * 513}},
        {"processor": "x"},
        {"other": 1},
    ):
        assert not check.is_valid({**FULL, **wrong})


@given(
    st.dictionaries(
        st.sampled_from([*BUILT, "x", "maxSteps"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        ),
    )
)
def test_any_request_is_a_task_or_a_refusal_in_our_words(request_: dict[str, Any]) -> None:
    """Never pydantic's own error, and a task that is accepted travels."""
    refused: InvalidInput | None = None
    try:
        task = Task.model_validate(request_)
    except InvalidInput as error:
        refused = error
    if refused is None:
        assert Task.model_validate(json.loads(task.model_dump_json())) == task
    else:
        assert refused.faults
        assert all(isinstance(fault, Fault) and fault.pointer.startswith("/") for fault in refused.faults)
        assert "pydantic" not in str(refused)


# Sources


@pytest.mark.parametrize(
    ("entry", "url", "allowed"),
    [
        ("example.com", "https://example.com/a", True),
        ("example.com", "https://docs.EXAMPLE.com:8443/a?b#c", True),
        ("example.com", "https://example.com./", True),
        ("example.com", "https://notexample.com/", False),
        ("example.com", "https://example.com.evil.org/", False),
        ("example.com", "https://evil.org/example.com", False),
        ("example.com", "https://example.com@evil.org/", False),
        ("docs.example.com", "https://example.com/", False),
        (".gov", "https://www.nasa.gov/", True),
        (".gov", "https://nasa.gov.uk/", False),
        (".co.uk", "https://bbc.co.uk/", True),
        (".co.uk", "https://co.uk/", False),
        ("münchen.de", "https://www.xn--mnchen-3ya.de/", True),
        ("straße.de", "https://xn--strae-oqa.de/", True),
        ("EXAMPLE.com.", "https://example.com/", True),
        ("example.com", "corpus://sample/example.com/a.html", False),
        ("example.com", "not a url", False),
        ("example.com", "http://[broken", False),
    ],
)
def test_a_domain_matches_its_subdomains_and_an_ending_what_ends_so(entry: str, url: str, allowed: bool) -> None:
    assert SourcePolicy(include_domains=(entry,)).allows(url) == allowed
    assert SourcePolicy(exclude_domains=(entry,)).allows(url) == (not allowed)


def test_include_wins_over_exclude() -> None:
    policy = SourcePolicy(include_domains=("blog.example.com",), exclude_domains=("example.com",))
    assert policy.allows("https://blog.example.com/")
    assert not policy.allows("https://example.com/")
    assert not policy.allows("https://other.org/")


@pytest.mark.parametrize(
    ("published", "allowed"),
    [
        (None, True),
        ("soon", True),
        ("2019-12-31", False),
        ("2020-01-01", True),
        ("2019-12-31T23:59:59Z", False),
        ("2020-01-01T00:00:00+09:00", True),
    ],
)
def test_what_was_published_before_the_day_is_left_out_and_unknown_dates_are_kept(published: str | None, allowed: bool) -> None:
    assert SourcePolicy(after_date="2020-01-01").allows("https://example.com/", published) == allowed


@pytest.mark.parametrize(
    ("policy", "at"),
    [
        ({"include_domains": ["example.com", "https://example.com"]}, "/source_policy/include_domains/1"),
        ({"exclude_domains": ["example.com/a"]}, "/source_policy/exclude_domains/0"),
        ({"include_domains": ["gov"]}, "/source_policy/include_domains/0"),
        ({"include_domains": ["co.uk"]}, "/source_policy/include_domains/0"),
        ({"include_domains": ["*.example.com"]}, "/source_policy/include_domains/0"),
        ({"include_domains": ["example.com:80"]}, "/source_policy/include_domains/0"),
        ({"include_domains": [""]}, "/source_policy/include_domains/0"),
        ({"include_domains": ["a.com"] * 101, "exclude_domains": ["a.com"] * 100}, "/source_policy"),
        ({"after_date": "2020-1-1"}, "/source_policy/after_date"),
        ({"after_date": "2020-02-30"}, "/source_policy/after_date"),
        ({"include": ["a.com"]}, "/source_policy/include"),
        ("example.com", "/source_policy"),
    ],
)
def test_a_bad_policy_says_which_entry(policy: object, at: str) -> None:
    assert list(faults_of({"task": "x", "source_policy": policy})) == [at]
