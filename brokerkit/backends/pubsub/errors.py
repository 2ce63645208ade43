"""Translate errors of gRPC and of Google's libraries to BrokerErrors."""

from __future__ import annotations

from collections.abc import Iterable

import grpc
from google.api_core import exceptions as api_errors
from google.auth import exceptions as auth_errors
from google.rpc.error_details_pb2 import ErrorInfo
from grpc import StatusCode
from grpc_status import rpc_status

from brokerkit.core.contract.error_table import CLOSED, ByCode, ByText, ErrorTable, Row, Rule
from brokerkit.core.vocabulary.errors import (
    AlreadyExists,
    BrokerError,
    ConfigError,
    NotFound,
    NotSupported,
    TooLarge,
    Unauthorized,
    Unavailable,
)

HOW_TO_LOG_IN = (
    "run `gcloud auth application-default login`, set GOOGLE_APPLICATION_CREDENTIALS, give "
    "credentials=service-account.json, or for an emulator emulator=HOST:PORT"
)

NO_CREDENTIALS = "Getting metadata from plugin failed"
"""How gRPC begins the text when the credentials could not be turned into a token."""

_NEVER_SENT = ("failed to connect to all addresses", "DNS resolution failed", NO_CREDENTIALS)
_CANNOT_CONNECT = ("Max retries exceeded", "timed out", "Failed to resolve", "Connection aborted")
_TOO_LARGE = ("larger than max", "exceeds the limit", "too large", "exceeds the maximum")
_REFUSED = frozenset(
    {
        StatusCode.NOT_FOUND,
        StatusCode.INVALID_ARGUMENT,
        StatusCode.OUT_OF_RANGE,
        StatusCode.FAILED_PRECONDITION,
        StatusCode.UNIMPLEMENTED,
        StatusCode.UNAUTHENTICATED,
        StatusCode.PERMISSION_DENIED,
        StatusCode.RESOURCE_EXHAUSTED,
    }
)


def code_of(error: BaseException) -> StatusCode | None:
    """Return the status of a failed request, or None for other errors."""
    if isinstance(error, api_errors.GoogleAPICallError):
        return error.grpc_status_code
    return error.code() if isinstance(error, grpc.RpcError) and hasattr(error, "code") else None


def _details(error: BaseException) -> str:
    said = error.details() if isinstance(error, grpc.RpcError) and hasattr(error, "details") else None
    return said or str(error)


def surely_not_stored(error: BaseException) -> bool:
    """Return whether a failed publish request certainly stored nothing."""
    return code_of(error) in _REFUSED or _details(error).startswith(_NEVER_SENT)


def error_info(error: BaseException) -> ErrorInfo | None:
    """Return the machine-readable reason that the service adds to some refusals."""
    if not isinstance(error, grpc.RpcError) or not hasattr(error, "trailing_metadata"):
        return None
    try:
        status = rpc_status.from_call(error)
    except ValueError:
        # the reason does not fit the status, so it cannot be trusted
        return None
    for detail in status.details if status is not None else ():
        info = ErrorInfo()
        if detail.Is(ErrorInfo.DESCRIPTOR) and detail.Unpack(info):
            return info
    return None


def _codes_of(error: BaseException) -> Iterable[StatusCode]:
    code = code_of(error)
    return [] if code is None else [code]


def _unless_too_large(row: Row) -> Rule:
    too_large = Row(TooLarge, "the message or request is larger than the service accepts")
    return ByText(dict.fromkeys(_TOO_LARGE, too_large), otherwise=row)


_REFUSED_REQUEST = Row(ConfigError, "the service refused the request")
_FAILED = Row(Unavailable, "the service failed")
_BY_CODE = ByCode(
    _codes_of,
    {
        StatusCode.NOT_FOUND: Row(NotFound, "it does not exist"),
        StatusCode.ALREADY_EXISTS: Row(AlreadyExists, "it already exists"),
        StatusCode.INVALID_ARGUMENT: _unless_too_large(_REFUSED_REQUEST),
        StatusCode.OUT_OF_RANGE: _REFUSED_REQUEST,
        StatusCode.FAILED_PRECONDITION: Row(BrokerError, "the service refuses this in its current state"),
        StatusCode.UNIMPLEMENTED: Row(NotSupported, "this server does not offer it"),
        StatusCode.UNAUTHENTICATED: Row(
            Unauthorized, f"the service did not accept the credentials: {HOW_TO_LOG_IN}"
        ),
        StatusCode.PERMISSION_DENIED: Row(
            Unauthorized, "the credentials do not permit this, or there is no such project"
        ),
        StatusCode.RESOURCE_EXHAUSTED: _unless_too_large(
            Row(Unavailable, "a quota is exhausted: slow down, or request a higher one")
        ),
        StatusCode.UNAVAILABLE: Row(Unavailable, "the service cannot be reached"),
        StatusCode.DEADLINE_EXCEEDED: Row(Unavailable, "the service did not answer in time"),
        StatusCode.ABORTED: Row(Unavailable, "the service aborted the request"),
        StatusCode.CANCELLED: Row(Unavailable, "the request was cancelled"),
        StatusCode.INTERNAL: _FAILED,
        StatusCode.UNKNOWN: _FAILED,
        StatusCode.DATA_LOSS: Row(BrokerError, "the service lost data"),
    },
    otherwise=Row(BrokerError, "the service reported a failure"),
)
_RPC = ByText(
    {
        NO_CREDENTIALS: ByText(
            dict.fromkeys(_CANNOT_CONNECT, _BY_CODE),
            otherwise=Row(Unauthorized, f"the credentials were not accepted: {HOW_TO_LOG_IN}"),
        )
    },
    otherwise=_BY_CODE,
)
_NO_LOGIN_SERVER = Row(Unavailable, "the server that issues access tokens cannot be reached")
_TABLE = ErrorTable(
    {
        grpc.RpcError: _RPC,
        api_errors.GoogleAPICallError: _RPC,
        auth_errors.TransportError: _NO_LOGIN_SERVER,
        auth_errors.GoogleAuthError: ByCode(
            lambda error: [bool(error.retryable)],
            {True: _NO_LOGIN_SERVER},
            otherwise=Row(Unauthorized, f"no credentials, or refused ones: {HOW_TO_LOG_IN}"),
        ),
        ValueError: ByText({"closed channel": CLOSED}),
    },
    said=_details,
)
translate, translating = _TABLE.translate, _TABLE.translating
