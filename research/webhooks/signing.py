"""Signs and checks deliveries by Standard Webhooks (https://www.standardwebhooks.com, specification 1.0, symmetric keys).

The library `standardwebhooks` makes the signature. Checking one is ours: its `verify` knows no clock but its own, and raises
whatever base64 raises where a header is malformed.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from standardwebhooks.webhooks import Webhook

from research.errors import InvalidInput, TerminalError

PREFIX: Final = "whsec_"
ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
"""The headers of a delivery."""
TOLERANCE: Final = timedelta(minutes=5)
"""How far a delivery's time may be from the receiver's: an older one may be somebody's copy."""
_SHORTEST: Final = 24
_LONGEST: Final = 64
"""Bytes of a secret, by the specification."""


class WrongSignature(TerminalError):
    """A delivery that is not from who shares the secret, or is not of now."""


class WebhookSecret:
    """What sender and receiver share. It is shown nowhere: not by `repr`, nor in a message.

    Args:
        text: `whsec_` and base64 of 24 to 64 bytes.
        source: where it was read, for messages.

    Raises:
        InvalidInput: it is something else.
    """

    def __init__(self, text: str, source: str = "the secret of the webhook") -> None:
        try:
            key = base64.b64decode(text.strip().removeprefix(PREFIX), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not text.strip().startswith(PREFIX) or not _SHORTEST <= len(key) <= _LONGEST:
            raise InvalidInput(
                f"{source} is no secret of Standard Webhooks: {PREFIX} and the base64 of {_SHORTEST} to {_LONGEST} random bytes. "
                f"`echo {PREFIX}$(openssl rand -base64 32)` makes one"
            )
        self._signer = Webhook(key)

    def __repr__(self) -> str:
        return f"WebhookSecret('{PREFIX}…')"

    def headers(self, delivery: str, at: datetime, body: str) -> dict[str, str]:
        """The headers that a delivery is sent with.

        Args:
            delivery: its id, the same in every attempt.
            at: when this attempt is made.
        """
        at = at.astimezone(UTC)
        return {
            ID: delivery,
            TIMESTAMP: str(int(at.timestamp())),
            SIGNATURE: self._signer.sign(msg_id=delivery, timestamp=at, data=body),
        }

    def verify(self, body: str | bytes, headers: Mapping[str, str], *, now: datetime | None = None) -> None:
        """See that a delivery was signed with this secret, and not long ago.

        Args:
            body: byte for byte as it came.
            headers: in any case. Several signatures, of old and new secrets, are one list with spaces between.
            now: the receiver's clock; None: this machine's.

        Raises:
            WrongSignature: it was not, or a header is missing; says which, and never what would be right.
        """
        there = {name.lower(): value for name, value in headers.items()}
        if missing := [name for name in (ID, TIMESTAMP, SIGNATURE) if not there.get(name)]:
            raise WrongSignature(f"the delivery has no {', '.join(missing)}")
        try:
            at = datetime.fromtimestamp(int(there[TIMESTAMP]), UTC)
            text = body if isinstance(body, str) else body.decode("utf-8")
        except (ValueError, OverflowError, OSError) as exc:
            raise WrongSignature("the delivery's time is no Unix time, or its body is no UTF-8") from exc
        if abs((now or datetime.now(UTC)) - at) > TOLERANCE:
            raise WrongSignature(
                f"the delivery is of {at:%Y-%m-%d %H:%M:%S} UTC: more than {TOLERANCE.seconds // 60} minutes away"
            )
        right = self._signer.sign(msg_id=there[ID], timestamp=at, data=text)
        if not any(hmac.compare_digest(right.encode(), each.encode()) for each in there[SIGNATURE].split(" ")):
            raise WrongSignature("no signature of the delivery is made with this secret")
