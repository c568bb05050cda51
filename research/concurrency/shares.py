"""Whoever uses an account of a service shares its limits with the others who do: each keeps to an equal part.

A run has one or several processes, its workers, whose number is known when the world opens. Other runs with the same key come and
go; who knows of them says so (`Shares.set_runs`), and nothing is asked before a call.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b


class Share:
    """The part of one account's limits that this process keeps to.

    Args:
        account: names the account, and does not tell its key.
        workers: processes of this run that use it, this one included.
    """

    def __init__(self, account: str = "", workers: int = 1) -> None:
        self.account = account
        self.runs = 1
        """Runs that use the account now, this one included."""
        self._workers = workers

    @property
    def sharers(self) -> int:
        """Processes that use the account: this one may use one part in so many."""
        return self._workers * self.runs


class Shares:
    """The shares of one world. Belongs to one event loop.

    Args:
        workers: processes of this run, this one included.
    """

    def __init__(self, workers: int = 1) -> None:
        self._workers = workers
        self._shares: dict[str, Share] = {}

    def of(self, service: str, *identity: str) -> Share:
        """The share of an account.

        Args:
            service: its name, which is shown.
            identity: what tells one account of it from another: an address, a key. Only a digest of it is kept.
        """
        digest = blake2b("\n".join(identity).encode(), digest_size=8, person=b"research-flows").hexdigest()
        account = f"{service}:{digest}"
        return self._shares.setdefault(account, Share(account, self._workers))

    @property
    def runs(self) -> dict[str, int]:
        """How many runs use each account, this one included."""
        return {account: share.runs for account, share in self._shares.items()}

    def set_runs(self, runs: Mapping[str, int]) -> None:
        """So many runs use each account now. Accounts of others, and those that are not named, are left as they are."""
        for account, count in runs.items():
            if account in self._shares:
                self._shares[account].runs = max(1, count)
