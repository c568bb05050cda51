"""What a key of the Messages API can be."""

from __future__ import annotations

from research.errors import AuthenticationFailed


def check_key(key: str | None) -> None:
    """Refuse a key that cannot be sent.

    Raises:
        AuthenticationFailed: no HTTP header can hold it. The HTTP library would raise an exception that quotes it.
    """
    if key is not None and not (key.isascii() and key.isprintable() and key == key.strip()):
        raise AuthenticationFailed(
            "the model's key holds a character that no HTTP header can hold, such as a line break or a space at its end. "
            "Set ANTHROPIC_API_KEY again."
        )
