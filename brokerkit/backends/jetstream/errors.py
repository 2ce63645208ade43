"""Translation of errors of nats-py and of the server to a `BrokerError`."""

from __future__ import annotations

from nats import errors as nats_errors
from nats.js import errors as js_errors

from brokerkit.core.vocabulary.errors import (
    AlreadyExists,
    BrokerError,
    Closed,
    ConfigError,
    NotFound,
    NotSupported,
    TooLarge,
    Unauthorized,
    Unavailable,
)

CONSUMER_NOT_FOUND = 10014
CONSUMER_NAME_EXISTS = 10013
CONSUMER_EXISTS = 10148
CONSUMER_ALREADY_EXISTS = 10105
NO_MESSAGE = 10037
JETSTREAM_NOT_ENABLED = 10076
JETSTREAM_NOT_ENABLED_FOR_ACCOUNT = 10039
STREAM_NOT_FOUND = 10059
STREAM_NAME_IN_USE = 10058
SUBJECTS_OVERLAP = 10065
MESSAGE_TOO_LARGE = 10054
HEADER_TOO_LARGE = 10097
TOO_MANY_REQUESTS = 10167
STORE_FAILED = 10077

_NOT_FOUND = {CONSUMER_NOT_FOUND, STREAM_NOT_FOUND, NO_MESSAGE}
_EXISTS = {
    CONSUMER_NAME_EXISTS,
    CONSUMER_EXISTS,
    CONSUMER_ALREADY_EXISTS,
    STREAM_NAME_IN_USE,
    SUBJECTS_OVERLAP,
}
_NOT_ENABLED = {JETSTREAM_NOT_ENABLED, JETSTREAM_NOT_ENABLED_FOR_ACCOUNT}
NO_JETSTREAM = (
    "this NATS server (or account) has no JetStream: start it with `nats-server -js`, or enable "
    "JetStream for the account"
)

_BY_TYPE: tuple[tuple[type[BaseException], type[BrokerError], str], ...] = (
    (nats_errors.AuthorizationError, Unauthorized, "the server refused the credentials"),
    (nats_errors.InvalidUserCredentialsError, Unauthorized, "the credentials cannot be used"),
    (nats_errors.MaxPayloadError, TooLarge, "the message is larger than the server's max_payload"),
    (nats_errors.BadSubjectError, ConfigError, "not a valid subject"),
    (nats_errors.BadHeaderError, ConfigError, "not a valid header"),
    (nats_errors.NoRespondersError, Unavailable, "nobody answered; JetStream may be starting"),
    (nats_errors.ConnectionClosedError, Closed, "the connection was closed; connect anew"),
    (nats_errors.ConnectionDrainingError, Closed, "the connection is being closed"),
    (nats_errors.OutboundBufferLimitError, Unavailable, "not connected now; reconnecting"),
    (nats_errors.TimeoutError, Unavailable, "the server did not answer in time"),
    (nats_errors.NoServersError, Unavailable, "no server can be reached"),
    (TimeoutError, Unavailable, "the server did not answer in time"),
    (OSError, Unavailable, "the connection failed"),
    (nats_errors.Error, BrokerError, "nats-py reported"),
)


def translate(error: BaseException) -> BrokerError:
    """Return an exception of nats-py as a `BrokerError`. The caller sets its cause."""
    if isinstance(error, BrokerError):
        return error
    if isinstance(error, js_errors.APIError):
        return api_error(error)
    for kind, ours, text in _BY_TYPE:
        if isinstance(error, kind):
            detail = "permissions violation" in str(error).lower()
            if detail:
                return Unauthorized(f"the server does not permit this: {error}")
            return ours(f"{text} ({error})")
    return BrokerError(f"{type(error).__name__}: {error}")


def api_error(error: js_errors.APIError) -> BrokerError:
    """Return an error of the JetStream API as a `BrokerError` with its description and code."""
    said = f"{error.description} (JetStream error {error.err_code})"
    number = error.err_code or 0
    if number in _NOT_ENABLED:
        return NotSupported(NO_JETSTREAM)
    if number in _NOT_FOUND or error.code == 404:
        return NotFound(said)
    if number in _EXISTS:
        return AlreadyExists(said)
    if number in (MESSAGE_TOO_LARGE, HEADER_TOO_LARGE):
        return TooLarge(said)
    if number == TOO_MANY_REQUESTS or error.code in (429, 503, 504, 408):
        return Unavailable(said)
    if error.code in (401, 403):
        return Unauthorized(said)
    if error.code == 400:
        return ConfigError(said)
    return BrokerError(said)
