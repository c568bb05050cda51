"""Webhooks: signed by Standard Webhooks, tried until they are accepted, each attempt written down."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from research.errors import InvalidInput
from research.testing import ScriptedResolver, WebhookReceiver
from research.testing.loopback import HttpReply
from research.web.settings import WebSettings
from research.webhooks.attempts import Attempts
from research.webhooks.delivery import FILE, Delivered, Event, Patience, Receiver, deliver
from research.webhooks.signing import ID, SIGNATURE, TIMESTAMP, WebhookSecret, WrongSignature

KEY = bytes(range(32))
TEXT = "whsec_" + base64.b64encode(KEY).decode()
SECRET = WebhookSecret(TEXT)
NOW = datetime(2026, 1, 31, 9, 15, tzinfo=UTC)
EVENT = Event("research.run.finished", "run-1 finished", {"rows": 44, "name": "Würzburg 🛰"}, NOW)
AT_ONCE = Patience(delays=(0.0,) * 5, seconds=5)


def receiver_at(url: str, secret: WebhookSecret = SECRET) -> Receiver:
    return Receiver(url, secret, WebSettings(allow_private_hosts=("127.0.0.1",)))


async def delivered(url: str, state: Path, patience: Patience = AT_ONCE, event: Event = EVENT, **more: Any) -> Delivered:
    return await deliver(event, receiver_at(url), state, patience=patience, **more)


def test_a_signature_is_hmac_sha256_of_id_time_and_body() -> None:
    headers = SECRET.headers("msg_1", NOW, '{"a":"ü"}')
    signed = f'msg_1.{int(NOW.timestamp())}.{{"a":"ü"}}'.encode()
    assert headers == {
        ID: "msg_1",
        TIMESTAMP: "1769850900",
        SIGNATURE: "v1," + base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode(),
    }


def test_what_was_signed_is_verified_and_nothing_else_is() -> None:
    headers = SECRET.headers("msg_1", NOW, "{}")
    right = headers[SIGNATURE]
    SECRET.verify(b"{}", {name.title(): value for name, value in headers.items()}, now=NOW + timedelta(minutes=4))
    SECRET.verify("{}", headers | {SIGNATURE: f"v1a,zzz v1,AAAA {right}"}, now=NOW)
    other = WebhookSecret("whsec_" + base64.b64encode(KEY[::-1]).decode())
    wrong: list[tuple[WebhookSecret, str, dict[str, str]]] = [
        (other, "{}", headers),
        (SECRET, "{ }", headers),
        *((SECRET, "{}", headers | {SIGNATURE: text}) for text in ("v1", "v1,", right[:-1], right.replace("v1", "v2"), "ü")),
        *((SECRET, "{}", headers | {ID: text}) for text in ("", "msg_2")),
        *((SECRET, "{}", headers | {TIMESTAMP: text}) for text in ("now", "1769850901", "9" * 30)),
        *((SECRET, "{}", {k: v for k, v in headers.items() if k != name}) for name in headers),
    ]
    for secret, body, sent in wrong:
        with pytest.raises(WrongSignature):
            secret.verify(body, sent, now=NOW)
    for minutes in (-6, 6):
        with pytest.raises(WrongSignature, match="more than 5 minutes away"):
            SECRET.verify("{}", headers, now=NOW + timedelta(minutes=minutes))


@pytest.mark.parametrize(
    "text", ["", "whsec_", TEXT[6:], "whsec_c2hvcnQ=", "whsec_" + "A" * 100, "whsec_não é base64 nenhum, não é"]
)
def test_what_is_no_secret_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(InvalidInput, match="RESEARCH_X is no secret") as refused:
        WebhookSecret(text, "RESEARCH_X")
    assert len(text) < 8 or text[6:] not in str(refused.value)
    assert "AAEC" not in f"{SECRET!r} {receiver_at('https://example.com')!r}"


async def test_a_receiver_that_fails_four_times_gets_exactly_one_accepted_delivery(tmp_path: Path) -> None:
    """However it fails, and each attempt with the same id."""
    failures = [503, 500, HttpReply(ending="reset"), HttpReply(302, {"location": "/elsewhere"})]
    with WebhookReceiver(SECRET, failures) as receiver:
        done = await delivered(f"{receiver.url}/hook?key=very-secret", tmp_path)
        again = await delivered(f"{receiver.url}/hook?key=very-secret", tmp_path)
    assert (done.accepted, done.attempts, again) == (True, 5, done)
    assert [(each.id, each.event) for each in receiver.accepted] == [
        (done.id, {"type": "research.run.finished", "timestamp": "2026-01-31T09:15:00Z", "data": dict(EVENT.data)})
    ]
    assert {request.headers[ID] for request in receiver.requests} == {done.id}
    assert {(request.method, request.target) for request in receiver.requests} == {("POST", "/hook?key=very-secret")}
    noted = list(Attempts(tmp_path / FILE))
    assert [(each.attempt, each.status, each.accepted) for each in noted] == [
        (1, 503, False), (2, 500, False), (3, None, False), (4, 302, False), (5, 204, True),
    ]  # fmt: skip
    assert noted[3].error == "answered 302, and redirects are not followed"
    written = (tmp_path / FILE).read_text()
    assert "very-secret" not in written
    assert TEXT[6:] not in written


async def test_one_that_is_given_up_is_tried_again_under_the_same_id(tmp_path: Path) -> None:
    with WebhookReceiver(SECRET, [503, 503, 503]) as receiver:
        first = await delivered(receiver.url, tmp_path, Patience(delays=(0.0,)))
        with (tmp_path / FILE).open("ab") as file:
            file.write(b'{"digest":"torn')  # the process was killed here
        second = await delivered(receiver.url, tmp_path, Patience(delays=(0.0,)))
    assert (first.accepted, first.attempts, first.why) == (False, 2, "answered 503")
    assert (second.accepted, second.attempts, second.id) == (True, 4, first.id)
    assert [each.attempt for each in Attempts(tmp_path / FILE)] == [1, 2, 3, 4]
    other = await delivered(receiver_at("http://127.0.0.1:1").url, tmp_path, Patience(delays=()))
    assert other.id != first.id, "another receiver"
    assert other.why is not None


async def test_a_receiver_that_wants_no_more_is_asked_once(tmp_path: Path) -> None:
    with WebhookReceiver(SECRET, [410, 500]) as receiver:
        done = await delivered(receiver.url, tmp_path)
    assert (done.accepted, done.attempts) == (False, 1)


async def test_an_answer_without_end_is_not_read_and_silence_ends(tmp_path: Path) -> None:
    def without_end() -> Any:
        while True:
            yield b"x" * 65536

    with WebhookReceiver(SECRET, [HttpReply(ending="silence"), HttpReply(200, body=without_end())]) as receiver:
        done = await delivered(receiver.url, tmp_path, Patience(delays=(0.0,), seconds=0.3))
    assert (done.accepted, done.attempts) == (True, 2)
    assert next(iter(Attempts(tmp_path / FILE))).error == "no answer within 0.3 s"


async def test_private_addresses_are_refused_at_once_or_where_the_connection_stands(tmp_path: Path) -> None:
    for url in ("http://127.0.0.1/", "http://169.254.169.254/latest", "file:///etc/passwd", "https://me:pass@example.com/"):
        with pytest.raises(InvalidInput, match="the webhook's address cannot be used"):
            Receiver(url, SECRET)
    with WebhookReceiver(SECRET) as receiver:
        port = int(receiver.url.rpartition(":")[2])
        to = Receiver(f"http://evil.example:{port}/", SECRET, WebSettings(allow_ports=(port,)))
        resolver = ScriptedResolver({"evil.example": [["127.0.0.1"]]})
        done = await deliver(EVENT, to, tmp_path, patience=Patience(delays=()), resolver=resolver)
    assert (done.accepted, receiver.requests) == (False, [])
    assert "evil.example leads to 127.0.0.1" in (done.why or "")
