"""Where secrets are used: a header refers to one as `${secrets.NAME}`, and no text of a tool may tell one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from pydantic import SecretStr

_REFERENCE: Final = re.compile(r"\$\{secrets\.([^}]*)\}")


def names_in(text: str) -> tuple[str, ...]:
    """The secrets that a text refers to as `${secrets.NAME}`, each once. What stands in the braces may be no name."""
    return tuple(dict.fromkeys(_REFERENCE.findall(text)))


def filled(text: str, values: Mapping[str, SecretStr]) -> SecretStr:
    """A text with the values of the secrets that it refers to.

    Raises:
        KeyError: it refers to one that is not among the values; its name.
    """
    return SecretStr(_REFERENCE.sub(lambda found: values[found[1]].get_secret_value(), text))


def redacted(text: str, values: Mapping[str, SecretStr]) -> str:
    """A text of a tool's, in which `[secret NAME]` stands for each value, also where it is escaped for a URL or in JSON."""
    for name, value in values.items():
        plain = value.get_secret_value()
        in_json = (json.dumps(plain, ensure_ascii=only_ascii)[1:-1] for only_ascii in (True, False))
        for spelling in dict.fromkeys((plain, *in_json, quote(plain, safe=""), quote(plain))):
            text = text.replace(spelling, f"[secret {name}]")
    return text
