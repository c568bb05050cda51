"""Secrets: a request names them, and only the tools that need one are given its value.

A value is written nowhere: what a tool returns, and what it says of an error, passes through `redacted` before anything else
sees it.
"""

from research.secrets.known import NONE, KnownSecrets, Secrets, from_variables
from research.secrets.references import filled, names_in, redacted

__all__ = ["NONE", "KnownSecrets", "Secrets", "filled", "from_variables", "names_in", "redacted"]
