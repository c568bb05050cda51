"""What went wrong on the way to a site, for people."""

from __future__ import annotations

import ssl

import httpx

from research.web.settings import WebLimits


def reason(exc: httpx.HTTPError, limits: WebLimits) -> str:
    """Why there is no answer."""
    match exc:
        case httpx.ConnectTimeout():
            return f"no connection within {limits.connect_seconds:g} s"
        case httpx.ReadTimeout():
            return f"the server sent nothing for {min(limits.idle_seconds, limits.first_byte_seconds):g} s"
        case httpx.ConnectError():
            return f"no connection ({_last_words(exc)})"
        case httpx.ProtocolError():
            return f"the connection broke, or what came is not HTTP ({_last_words(exc)})"
        case _:
            return f"the connection broke ({_last_words(exc)})"


def certificate_fault(exc: BaseException | None) -> str | None:
    """Why a site's certificate was not accepted, if that is what went wrong: the next try would meet the same."""
    while exc is not None:
        if isinstance(exc, ssl.SSLCertVerificationError):
            return getattr(exc, "verify_message", "") or _last_words(exc)
        exc = exc.__cause__ or exc.__context__
    return None


def _last_words(exc: BaseException) -> str:
    return str(exc).strip()[:200] or type(exc).__name__
