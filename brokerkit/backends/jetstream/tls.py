"""TLS: the context of a connection, and the meaning of its failures."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

from nats import errors as nats_errors

from brokerkit.core.vocabulary.errors import BrokerError, ConfigError, Unauthorized, Unavailable

FILES = ("tls_ca", "tls_cert", "tls_key")


class NotOffered(nats_errors.Error):
    """TLS was requested, and the server does not offer it. Nothing was sent to the server."""


def context_of(given: Mapping[str, Any]) -> ssl.SSLContext | None:
    """Return a TLS context, or None if no option requests TLS.

    TLS is requested by ``tls``, ``tls_first``, ``tls_hostname`` or an option that names a file.

    Raises:
        ConfigError: A file cannot be used.
    """
    if not any(given[name] for name in ("tls", "tls_first", "tls_hostname", *FILES)):
        return None
    try:
        context = ssl.create_default_context(cafile=given["tls_ca"])
        if given["tls_cert"]:
            context.load_cert_chain(given["tls_cert"], given["tls_key"])
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"the TLS files cannot be used ({', '.join(FILES)}): {error}") from error
    return context


def is_tls(error: BaseException) -> bool:
    """Return whether an error is due to TLS, so that another attempt does not help."""
    return isinstance(error, ssl.SSLError | NotOffered)


def problem(error: BaseException, where: str) -> BrokerError:
    """Return a failure of TLS as a `BrokerError` that says what to do."""
    if isinstance(error, NotOffered):
        return _lasting(
            f"the NATS server at {where} offers no TLS, which was asked for (tls=); nothing was sent to it: "
            "check the address, or leave the tls options out if plain text is meant"
        )
    said = str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        mismatch = "mismatch" in error.verify_message or "is not valid for" in error.verify_message
        hint = (
            "connect by a name that the certificate has, or name it with tls_hostname="
            if mismatch
            else "give tls_ca=, the file of the authority that signed it"
        )
        return _lasting(
            f"the certificate of the NATS server at {where} is not trusted: {error.verify_message}; {hint}"
        )
    if "alert" in said.lower():
        return Unauthorized(
            f"the NATS server at {where} requires another client certificate ({said}): give tls_cert= "
            "and tls_key=, signed by an authority that the server trusts"
        )
    return _lasting(
        f"the TLS handshake with the NATS server at {where} failed: {said}; does the port speak TLS?"
    )


def _lasting(text: str) -> Unavailable:
    return Unavailable(text, retryable=False)
