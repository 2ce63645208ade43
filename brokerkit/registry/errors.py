"""What a registry, or what lies before it, answers instead of what it was asked for, as BrokerErrors."""

from __future__ import annotations

import json
import ssl
import urllib.error

from brokerkit.core.vocabulary.errors import (
    AlreadyExists,
    BrokerError,
    ConfigError,
    NotFound,
    NotSupported,
    Unauthorized,
    Unavailable,
)

from .http import Answer

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


def unreachable(error: Exception, address: str) -> BrokerError:
    """Return the error for an address from which no answer came."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return Unavailable(
            f"the certificate of the schema registry {address} is not trusted: {reason.verify_message}; "
            "give registry_ca=, the file of the authority that signed it",
            retryable=False,
        )
    if isinstance(reason, ssl.SSLError) and "alert" in str(reason).lower():
        return Unauthorized(
            f"the schema registry {address} requires another client certificate ({reason}): give "
            "registry_cert= and registry_key="
        )
    said = str(reason) or type(reason).__name__
    return Unavailable(f"the schema registry {address} cannot be reached: {said}")


def refusal(answer: Answer, address: str) -> BrokerError:
    """Return the error for an answer that is none of success, with what the registry says."""
    text = answer.data[:65_536].decode("utf-8", "replace")
    try:
        found = json.loads(text)
        said = str(next(found[name] for name in ("message", "title") if name in found))
    except (ValueError, TypeError, StopIteration, RecursionError):
        # the answer may be that of a proxy in between
        said = text
    code = answer.status
    message = f"the schema registry {address} said {code}: {' '.join(said.split())[:500]}".rstrip(": ")
    if code in _REDIRECTS:
        return ConfigError(f"{message}; it redirects to {answer.location}: give that address")
    if code in (401, 403):
        return Unauthorized(f"{message}; check registry_user and registry_password, or registry_token")
    if code == 404:
        return NotFound(message)
    if code == 409:
        return AlreadyExists(message)
    if code in (405, 501):
        return NotSupported(message)
    if code in (400, 406, 413, 422):
        return ConfigError(message)
    return Unavailable(message) if code >= 500 or code == 429 else BrokerError(message)
