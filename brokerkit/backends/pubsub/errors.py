"""Translate errors of gRPC and of Google's libraries to BrokerErrors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import grpc
from google.api_core import exceptions as api_errors
from google.auth import exceptions as auth_errors
from google.rpc.error_details_pb2 import ErrorInfo
from grpc import StatusCode
from grpc_status import rpc_status

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

HOW_TO_LOG_IN = (
    "run `gcloud auth application-default login`, set GOOGLE_APPLICATION_CREDENTIALS, give "
    "credentials=service-account.json, or for an emulator emulator=HOST:PORT"
)

_BY_CODE: Mapping[StatusCode, tuple[type[BrokerError], str]] = {
    StatusCode.NOT_FOUND: (NotFound, "it does not exist"),
    StatusCode.ALREADY_EXISTS: (AlreadyExists, "it exists already"),
    StatusCode.INVALID_ARGUMENT: (ConfigError, "the service refused the request"),
    StatusCode.OUT_OF_RANGE: (ConfigError, "the service refused the request"),
    StatusCode.FAILED_PRECONDITION: (BrokerError, "the service refuses this in the present state"),
    StatusCode.UNIMPLEMENTED: (NotSupported, "this server does not offer it"),
    StatusCode.UNAUTHENTICATED: (
        Unauthorized,
        f"the service did not accept the credentials: {HOW_TO_LOG_IN}",
    ),
    StatusCode.PERMISSION_DENIED: (
        Unauthorized,
        "the credentials do not permit this, or there is no such project",
    ),
    StatusCode.RESOURCE_EXHAUSTED: (Unavailable, "a quota is used up: slow down, or have it raised"),
    StatusCode.UNAVAILABLE: (Unavailable, "the service cannot be reached"),
    StatusCode.DEADLINE_EXCEEDED: (Unavailable, "the service did not answer in time"),
    StatusCode.ABORTED: (Unavailable, "the service broke it off"),
    StatusCode.CANCELLED: (Unavailable, "the request was broken off"),
    StatusCode.INTERNAL: (Unavailable, "the service failed"),
    StatusCode.UNKNOWN: (Unavailable, "the service failed"),
}

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
    return " ".join((said or str(error)).split())[:1000]


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


def translate(error: BaseException) -> BrokerError:
    """Return an exception of Google's libraries as a BrokerError. The caller sets the cause."""
    if isinstance(error, BrokerError):
        return error
    code = code_of(error)
    if code is not None:
        return _refusal(code, _details(error))
    if isinstance(error, auth_errors.GoogleAuthError):
        return _login_error(error)
    if isinstance(error, ValueError) and "closed channel" in str(error):
        return Closed("the connection was closed; connect anew")
    return BrokerError(f"{type(error).__name__}: {error}")


def _refusal(code: StatusCode, said: str) -> BrokerError:
    if said.startswith(NO_CREDENTIALS) and not any(sign in said for sign in _CANNOT_CONNECT):
        return Unauthorized(f"the credentials were not accepted: {HOW_TO_LOG_IN} ({said})")
    if code in (StatusCode.RESOURCE_EXHAUSTED, StatusCode.INVALID_ARGUMENT) and any(
        sign in said for sign in _TOO_LARGE
    ):
        return TooLarge(f"the message or request is larger than the service takes ({said})")
    kind, text = _BY_CODE.get(code, (BrokerError, f"the service said {code.name}"))
    return kind(f"{text} ({said})")


def _login_error(error: Any) -> BrokerError:
    if isinstance(error, auth_errors.TransportError) or getattr(error, "retryable", False):
        return Unavailable(f"the server that issues access tokens cannot be reached ({error})")
    return Unauthorized(f"no credentials, or refused ones: {HOW_TO_LOG_IN} ({error})")
