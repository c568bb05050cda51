"""Which secrets there are. Who runs the process decides that: a caller can name no other variable, file or key of the process."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from pydantic import SecretStr

from research.errors import Fault, InvalidTask

VARIABLE_PREFIX: Final = "RESEARCH_SECRET_"
"""Before a secret's name: the variable of the environment that holds it. No other variable can be named."""
NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
LEAST: Final = 8
"""Characters of a value: a shorter one could not be taken out of a text without harm to it."""


class Secrets(Protocol):
    """Finds the values of secrets."""

    def resolve(self, names: Iterable[str]) -> dict[str, SecretStr]:
        """The value of each name.

        Raises:
            InvalidTask: a name is not known, or its value cannot be used. Names these and all that are known; shows no value.
        """
        ...


class KnownSecrets:
    """Secrets whose values are at hand.

    Args:
        values: by name.
        how: how another one is made known, for people: `set the variable RESEARCH_SECRET_… of this process`.
    """

    def __init__(self, values: Mapping[str, SecretStr | str], how: str = "") -> None:
        self._values = {
            name: value if isinstance(value, SecretStr) else SecretStr(value) for name, value in sorted(values.items())
        }
        self._how = how

    def __repr__(self) -> str:
        return f"KnownSecrets({', '.join(self._values)})"

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._values)

    def only(self, names: Iterable[str]) -> KnownSecrets:
        """The same, without all others: those that one owner may use."""
        allowed = frozenset(names)
        return KnownSecrets({name: value for name, value in self._values.items() if name in allowed}, self._how)

    def beside(self, values: Mapping[str, SecretStr | str], how: str) -> KnownSecrets:
        """The same, and others. Of two with one name, this one's counts.

        Args:
            how: how another one is made known there, for people.
        """
        return KnownSecrets({**values, **self._values}, " or ".join(filter(None, (self._how, how))))

    def resolve(self, names: Iterable[str]) -> dict[str, SecretStr]:
        found: dict[str, SecretStr] = {}
        faults: list[Fault] = []
        for place, name in enumerate(names):
            value = self._values.get(name)
            if value is None:
                faults.append(Fault(f"/secrets/{place}", f"there is no secret {name!r:.80}"))
            elif len(text := value.get_secret_value().strip()) < LEAST:
                faults.append(Fault(f"/secrets/{place}", f"the value of {name} is shorter than {LEAST} characters: no secret"))
            else:
                found[name] = SecretStr(text)
        if faults:
            known = f"There are: {', '.join(self._values)}." if self._values else "None is known here."
            more = f" To make one known, {self._how}." if self._how else ""
            raise InvalidTask(f"The task names secrets that it cannot have. {known}{more}", faults)
        return found


NONE: Final = KnownSecrets({})
"""No secret is known."""


def from_variables(variables: Mapping[str, str]) -> KnownSecrets:
    """The secrets that variables of an environment hold: `RESEARCH_SECRET_CRM_TOKEN` is the secret `CRM_TOKEN`."""
    held = {
        name.removeprefix(VARIABLE_PREFIX): value
        for name, value in variables.items()
        if name.startswith(VARIABLE_PREFIX) and NAME.fullmatch(name.removeprefix(VARIABLE_PREFIX)) and value.strip()
    }
    return KnownSecrets(held, how=f"set the variable {VARIABLE_PREFIX}<NAME>")
