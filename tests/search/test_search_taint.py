"""A search provider that repeats its key, in an error or in a result: nothing of a task holds it."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

import research
from research.errors import AccessDenied
from research.search.settings import SearchSettings
from research.testing import ModelServer, Served, WebServer, researcher
from research.testing.loopback import HttpRequest
from research.web.settings import WebSettings
from research.world import Settings

KEY = "BRAVE-key-Zq7+41x"
MODEL_KEY = "sk-model-key-Zq7-41x"


def as_error(request: HttpRequest) -> Served:
    body = {"error": {"code": "BAD", "detail": f"the key {request.headers['x-subscription-token']} is wrong"}}
    return Served(json.dumps(body), status=401, media_type="application/json")


def as_result(request: HttpRequest) -> Served:
    told = f"your key is {request.headers['x-subscription-token']}"
    page = {"url": f"http://{request.headers['host']}/page?k={request.headers['x-subscription-token']}", "title": told}
    return Served(
        json.dumps({"type": "search", "web": {"results": [{**page, "description": told}]}}), media_type="application/json"
    )


@pytest.mark.parametrize("echo", [as_error, as_result])
async def test_a_key_that_a_provider_repeats_is_left_nowhere(
    echo: object, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said = ""
    with (
        WebServer({"/brave/res/v1/web/search": echo, "/page": "<h1>Voyager 1</h1><p>Operator: NASA</p>"}) as web,  # type: ignore[dict-item]
        ModelServer(researcher, models=None, api_keys=[MODEL_KEY]) as model,
    ):
        settings = Settings(
            cache_dir=tmp_path / "cache",
            web=WebSettings(allow_private_hosts=("127.0.0.1",), obey_robots=False, host_delay_seconds=0),
            providers=SearchSettings(brave_url=f"{web.url}/brave"),
        )
        try:
            result = await research.run(
                "Who operates Voyager 1?",
                schema={"operator": "string"},
                search=["brave"],
                secrets=["BRAVE_API_KEY"],
                known_secrets={"BRAVE_API_KEY": KEY},
                api_key=MODEL_KEY,
                base_url=model.url,
                model="claude",
                settings=settings,
                resume=tmp_path / "kept",
            )
            said = result.model_dump_json()
            assert result.status == "completed"
        except AccessDenied as refused:
            said = f"{refused!r} {refused.__cause__!r} {refused.__context__!r}"
            assert "BRAVE_API_KEY" in said
        assert [request.headers["x-subscription-token"] for request in web.requests[:1]] == [KEY]
        prompts = str([request.params for request in model.requests])
    left = {"said": said, "prompts": prompts, "log": caplog.text} | _texts(tmp_path)
    assert len(left) > 4
    assert [(name, key) for name, text in left.items() for key in (KEY, MODEL_KEY) if key in text] == []


def _texts(folder: Path) -> dict[str, str]:
    return {str(path): path.read_bytes().decode("latin-1") for path in folder.rglob("*") if path.is_file()}
