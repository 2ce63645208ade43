"""Translation of errors of nats-py and of the server to a `BrokerError`."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from nats import errors as nats_errors
from nats.js import errors as js_errors

from brokerkit.core.contract.error_table import CLOSED, ByCode, ByText, ErrorTable, Row, Rule
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
NO_SUITABLE_PEERS = 10005
CANNOT_HANDLE = 10009
STREAM_OFFLINE = 10118
CONSUMER_OFFLINE = 10119

NO_JETSTREAM = (
    "this NATS server (or account) has no JetStream: start it with `nats-server -js`, or enable "
    "JetStream for the account"
)


def _codes_of(error: js_errors.APIError) -> Iterable[Hashable]:
    """Return JetStream's own number, and the status, which is a group of them."""
    return error.err_code or 0, ("status", error.code)


def _said(error: BaseException) -> str:
    if isinstance(error, js_errors.APIError):
        return f"{error.description} (JetStream error {error.err_code})"
    return str(error)


_BY_NUMBER: dict[int, Rule] = {
    **dict.fromkeys(
        (JETSTREAM_NOT_ENABLED, JETSTREAM_NOT_ENABLED_FOR_ACCOUNT), Row(NotSupported, NO_JETSTREAM)
    ),
    **dict.fromkeys((CONSUMER_NOT_FOUND, STREAM_NOT_FOUND, NO_MESSAGE), Row(NotFound)),
    **dict.fromkeys(
        (
            CONSUMER_NAME_EXISTS,
            CONSUMER_EXISTS,
            CONSUMER_ALREADY_EXISTS,
            STREAM_NAME_IN_USE,
            SUBJECTS_OVERLAP,
        ),
        Row(AlreadyExists),
    ),
    **dict.fromkeys((MESSAGE_TOO_LARGE, HEADER_TOO_LARGE), Row(TooLarge)),
    **dict.fromkeys((TOO_MANY_REQUESTS, CANNOT_HANDLE, STREAM_OFFLINE, CONSUMER_OFFLINE), Row(Unavailable)),
    # the same number says that the cluster is too small and that a server of it is away
    NO_SUITABLE_PEERS: ByText({"peer offline": Row(Unavailable)}, otherwise=Row(ConfigError)),
}
_BY_STATUS = {
    400: Row(ConfigError),
    401: Row(Unauthorized),
    403: Row(Unauthorized),
    404: Row(NotFound),
    **dict.fromkeys((408, 429, 503, 504), Row(Unavailable)),
}
_TABLE = ErrorTable(
    {
        js_errors.APIError: ByCode(
            _codes_of,
            {**_BY_NUMBER, **{("status", number): row for number, row in _BY_STATUS.items()}},
            otherwise=Row(BrokerError),
        ),
        nats_errors.AuthorizationError: Row(Unauthorized, "the server refused the credentials"),
        nats_errors.InvalidUserCredentialsError: Row(Unauthorized, "the credentials cannot be used"),
        nats_errors.MaxPayloadError: Row(TooLarge, "the message is larger than the server's max_payload"),
        nats_errors.BadSubjectError: Row(ConfigError, "not a valid subject"),
        nats_errors.BadHeaderError: Row(ConfigError, "not a valid header"),
        nats_errors.NoRespondersError: Row(Unavailable, "no server answered; JetStream may be starting"),
        nats_errors.ConnectionClosedError: CLOSED,
        nats_errors.ConnectionDrainingError: Row(Closed, "the connection is being closed"),
        nats_errors.OutboundBufferLimitError: Row(Unavailable, "not connected now; reconnecting"),
        nats_errors.NoServersError: Row(Unavailable, "no server can be reached"),
        nats_errors.Error: ByText(
            {"permissions violation": Row(Unauthorized, "the server does not permit this")},
            otherwise=Row(BrokerError, "nats-py reported"),
        ),
        OSError: Row(Unavailable, "the connection failed"),
    },
    said=_said,
)
translate, translating = _TABLE.translate, _TABLE.translating
