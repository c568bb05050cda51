"""A resolver that answers from a script: names that do not exist, that lead to private addresses, that change their mind.

resolver = ScriptedResolver({"evil.example": [["93.184.216.34"], ["127.0.0.1"]]})
guarded_transport(Guard(), resolver)
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping, Sequence


class ScriptedResolver:
    """Looks names up in a script, never in DNS. A name has a list of answers, each a list of addresses: one answer after the
    other, the last one for ever. An empty answer, and a name that is not in the script, is a name that does not exist.

    `asked` are the names that were looked up, in order. `delay` is in seconds, before every answer.
    """

    def __init__(self, names: Mapping[str, Sequence[Sequence[str]]], *, delay: float = 0.0) -> None:
        for name, answers in names.items():
            if not answers or any(isinstance(answer, str) for answer in answers):
                raise ValueError(f"{name}: a list of answers is wanted, each a list of addresses: [['192.0.2.1'], ['192.0.2.2']]")
        self._names = {name: [list(answer) for answer in answers] for name, answers in names.items()}
        self._delay = delay
        self.asked: list[str] = []

    async def resolve(self, host: str) -> Sequence[str]:
        """The addresses of a name.

        Raises:
            socket.gaierror: it does not exist.
        """
        self.asked.append(host)
        await asyncio.sleep(self._delay)
        answers = self._names.get(host, [[]])
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return addresses
