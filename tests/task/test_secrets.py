"""Secrets: names in a request, values for tools alone."""

import pytest
from pydantic import SecretStr

from research.errors import InvalidTask
from research.search.settings import SearchSettings
from research.secrets import KnownSecrets, filled, from_variables, names_in, redacted
from research.task.task import Task

VALUE = 'tok"en/åå+12345'


def shown(values: dict[str, SecretStr]) -> dict[str, str]:
    return {name: value.get_secret_value() for name, value in values.items()}


def test_a_secret_is_a_variable_under_the_prefix_and_no_other_variable_can_be_named() -> None:
    known = from_variables(
        {
            "RESEARCH_SECRET_CRM_TOKEN": " 12345678\n",
            "ANTHROPIC_API_KEY": "sk-ant-1234",
            "PATH": "/usr/bin",
            "RESEARCH_SECRET_": "x",
        }
    )
    assert known.names == ("CRM_TOKEN",)
    assert shown(known.resolve(["CRM_TOKEN"])) == {"CRM_TOKEN": "12345678"}
    for name in ("ANTHROPIC_API_KEY", "PATH", "../PATH", ""):
        with pytest.raises(InvalidTask, match="There are: CRM_TOKEN"):
            known.resolve([name])


def test_every_unknown_name_is_named_with_those_that_are_known_and_no_value() -> None:
    known = KnownSecrets({"CRM_TOKEN": "abcdefgh", "OTHER": "short"}, how="ask Ada")
    with pytest.raises(InvalidTask) as refused:
        known.resolve(["CRM_TOKEN", "CRM_TOKN", "OTHER"])
    assert [fault.pointer for fault in refused.value.faults] == ["/secrets/1", "/secrets/2"]
    said = str(refused.value)
    for part in ("no secret 'CRM_TOKN'", "ask Ada", "There are: CRM_TOKEN, OTHER.", "shorter than 8 characters"):
        assert part in said
    assert "abcdefgh" not in said + repr(known)
    assert KnownSecrets({}).resolve([]) == {}


def test_an_owner_has_only_the_secrets_that_are_allowed() -> None:
    known = KnownSecrets({"A": "12345678", "B": "12345678"}).only(["B", "C"])
    assert known.names == ("B",)


def test_a_header_refers_to_secrets_by_name() -> None:
    text = "Bearer ${secrets.CRM} and ${secrets.CRM}${secrets.no name}"
    assert names_in(text) == ("CRM", "no name")
    assert filled("Bearer ${secrets.CRM}", {"CRM": SecretStr(VALUE)}).get_secret_value() == f"Bearer {VALUE}"
    with pytest.raises(KeyError):
        filled(text, {"CRM": SecretStr(VALUE)})


@pytest.mark.parametrize(
    "echo",
    [VALUE, 'tok\\"en/\\u00e5\\u00e5+12345', "tok%22en%2F%C3%A5%C3%A5%2B12345", "tok%22en/%C3%A5%C3%A5%2B12345"],
    ids=["plain", "json", "url", "path"],
)
def test_an_echo_of_a_value_is_taken_out_of_what_a_tool_says(echo: str) -> None:
    assert redacted(f"you sent {echo}!", {"CRM": SecretStr(VALUE)}) == "you sent [secret CRM]!"


def test_a_task_names_secrets_and_its_identity_does_not() -> None:
    task = Task.model_validate({"task": "x", "secrets": ["CRM_TOKEN"]})
    assert task.secrets == ("CRM_TOKEN",)
    assert task.identity() == Task.model_validate({"task": "x"}).identity()
    with pytest.raises(InvalidTask, match="/secrets/1: 'a b' is no name of a secret"):
        Task.model_validate({"task": "x", "secrets": ["A", "a b"]})


def test_a_search_providers_key_among_the_secrets_stands_for_that_of_the_settings() -> None:
    settings = SearchSettings(brave_key=SecretStr("mine"), exa_key=SecretStr("mine"))
    changed = settings.with_secrets({"BRAVE_API_KEY": SecretStr("theirs"), "OTHER": SecretStr("x")})
    assert changed == settings.changed(brave_key=SecretStr("theirs"))
