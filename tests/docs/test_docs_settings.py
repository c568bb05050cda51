"""Every setting has its variable, and its line in the docs."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.run.environment import Environment, read_environment
from research.errors import InvalidInput
from research.web.settings import WebSettings

DOCS = Path(__file__).parents[2] / "docs"
SAID = {
    "contact": "me@example.org",
    "allow_private_hosts": "localhost:80,10.0.0.0/8",
    "allow_ports": "8080",
    "obey_robots": "false",
    "revalidate": "true",
}
SAID |= {"browser": "true", "per_host": "3", "revalidate": "true"}


@pytest.mark.parametrize("name", [name for name in WebSettings.model_fields if name != "limits"])
def test_a_setting_of_the_web_is_read_from_its_variable_and_stands_in_the_docs(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = f"RESEARCH_WEB_{name.upper()}"
    monkeypatch.setenv(variable, SAID.get(name, "7"))
    read = read_environment().settings().web
    assert read != WebSettings()
    assert read.model_copy(update={name: getattr(WebSettings(), name)}) == WebSettings()
    assert f"| `{name}` | `{variable}` |" in (DOCS / "web.md").read_text()


def test_a_wrong_variable_is_named_and_a_key_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESEARCH_WEB_PER_HOST", "none")
    monkeypatch.setenv("RESEARCH_WEB_ALLOW_PORTS", "80,x")
    monkeypatch.setenv("BRAVE_API_KEY", "very-secret")
    with pytest.raises(InvalidInput) as caught:
        read_environment()
    assert {fault.pointer for fault in caught.value.faults} == {"RESEARCH_WEB_PER_HOST", "RESEARCH_WEB_ALLOW_PORTS"}
    assert "very-secret" not in str(caught.value)


def test_the_keys_of_search_providers_are_read_and_shown_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("BRAVE_API_KEY", "TAVILY_API_KEY", "EXA_API_KEY"):
        monkeypatch.setenv(variable, "very-secret")
        assert f"`{variable}`" in (DOCS / "search.md").read_text()
    monkeypatch.setenv("SEARXNG_URL", "https://me:very-secret@search.example")
    settings = Environment().settings()
    assert settings.providers.brave_key is not None
    assert settings.providers.brave_key.get_secret_value() == "very-secret"
    assert "very-secret" not in f"{Environment()!r} {settings!r}"
