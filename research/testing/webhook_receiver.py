"""A receiver of webhooks on loopback: checks signatures, and fails first as often as it is told to.

secret = WebhookSecret("whsec_…")
with WebhookReceiver(secret, failures=[503, 503]) as receiver:
    ...                                # deliver to receiver.url
    assert receiver.accepted[0].event["type"] == "research.run.finished"
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from research.testing.loopback import HttpReply, HttpRequest, LoopbackServer
from research.webhooks.signing import ID, WebhookSecret, WrongSignature


@dataclass(frozen=True, slots=True)
class ReceivedWebhook:
    """A delivery whose signature is right."""

    id: str
    event: Mapping[str, Any]
    """The body: `type`, `timestamp`, `data`."""


class WebhookReceiver(LoopbackServer):
    """Answers 204 to what is signed with the secret, and 401 to anything else.

    Args:
        failures: what the first requests are answered instead, in their order: statuses, or whole answers.

    `requests` are all that came, `accepted` those that were answered 204.
    """

    def __init__(self, secret: WebhookSecret, failures: Sequence[int | HttpReply] = (), *, port: int = 0) -> None:
        super().__init__(port=port)
        self._secret = secret
        self._failures = [each if isinstance(each, HttpReply) else HttpReply(each) for each in failures]
        self.requests: list[HttpRequest] = []
        self.accepted: list[ReceivedWebhook] = []

    async def handle(self, request: HttpRequest) -> HttpReply:
        self.requests.append(request)
        try:
            self._secret.verify(request.body, request.headers)
        except WrongSignature as error:
            return HttpReply(401, {"content-type": "text/plain"}, str(error).encode())
        if self._failures:
            return self._failures.pop(0)
        self.accepted.append(ReceivedWebhook(request.headers[ID], json.loads(request.body)))
        return HttpReply(204)
