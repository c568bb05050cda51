"""The service for the tests of this folder: a real uvicorn on loopback, once per test process, that works in-process with the
keyless model on a small corpus."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from pydantic import SecretStr

from flows.serve.composition import Records, in_process, open_door
from flows.serve.database.database import Database, default_url
from flows.serve.dialects import DIALECTS, words
from flows.serve.http.access import Access
from flows.serve.http.app import create_app
from flows.serve.http.keys import FILE, Keys
from flows.serve.http.limits import RequestRate
from flows.serve.http.listener import listen
from flows.serve.service.admission import Admission
from flows.serve.service.service import Service
from flows.serve.work.worlds import Worlds
from research.ports.model import Model
from research.web.settings import WebSettings
from research.world import Settings

PAGES = {
    "lighthouse.md": (
        "# Eddystone Lighthouse\n\nThe Eddystone Lighthouse stands off the coast of Cornwall. It was built by John Smeaton and "
        "first lit on 16 October 1759. It is 22 m high.\n"
    ),
    "bell-rock.md": (
        "# Bell Rock Lighthouse\n\nThe Bell Rock Lighthouse was built by Robert Stevenson and first lit on 1 February 1811. "
        "It is 35 m high.\n"
    ),
}
WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYq="  # noqa: S105 - of these tests


@cache
def _tls() -> ssl.SSLContext:
    """What each client has and none uses, since there is no TLS on loopback. A client would make its own."""
    return ssl.create_default_context()


@dataclass(frozen=True)
class Served:
    """A running service."""

    url: str
    keys: dict[str, str]
    """By owner: `alice`, `bob`."""
    app: Any
    service: Service
    keys_file: Keys

    def client(self, owner: str = "alice", **options: Any) -> httpx.Client:
        """A client that shows an owner's key."""
        return httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {self.keys[owner]}"},
            timeout=30,
            trust_env=False,
            verify=_tls(),
            **options,
        )

    def wait(self, path: str, owner: str = "alice", seconds: float = 30) -> dict[str, Any]:
        """GET a record until its status is final."""
        import time

        until = time.monotonic() + seconds
        with self.client(owner) as client:
            while True:
                record: dict[str, Any] = client.get(path).raise_for_status().json()
                status = record.get("status", record.get("state"))
                if status in ("completed", "failed", "cancelled", "action_required") or time.monotonic() > until:
                    return record
                time.sleep(0.05)


def serve(
    folder: Path, *, model: Model | None = None, pages: dict[str, str] | None = None, dialects: Sequence[Any] | None = None
) -> Iterator[Served]:
    """A service of one's own, for tests that need another model or other pages: `yield from serve(tmp_path, model=…)`."""
    corpus = folder / "corpus"
    corpus.mkdir()
    for name, text in (pages or PAGES).items():
        (corpus / name).write_text(text, "utf-8")
    keys = Keys(folder / FILE)
    shown = {owner: keys.add(owner)[1] for owner in ("alice", "bob")}
    web = WebSettings(allow_private_hosts=("127.0.0.1",))
    named = None if model is not None else "extractive"
    settings = Settings(cache_dir=folder / "cache", corpus=str(corpus), model=named, web=web)
    door = open_door(
        Records.of(Database(default_url(folder))),
        in_process(Worlds(settings, model)),
        Admission(web, SecretStr(WEBHOOK_SECRET)),
        words=words(),
        owners=keys.owner_by_id,
    )
    app = create_app(
        door.service, Access(keys, RequestRate(None)), DIALECTS if dialects is None else dialects, running=door.running
    )
    listener = listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on", ws="websockets-sansio"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])), daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the service did not start"
        thread.join(0.01)
    yield Served(f"http://127.0.0.1:{listener.getsockname()[1]}", shown, app, door.service, keys)
    server.should_exit = True
    thread.join(20)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The service that most tests share: keyless, in-process, `alice` and `bob` have keys."""
    yield from serve(tmp_path_factory.mktemp("served"))
