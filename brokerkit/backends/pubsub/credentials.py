"""Find the credentials for Google's services within a time limit."""

from __future__ import annotations

from typing import Any

import google.auth
from google.auth import exceptions as auth_errors
from google.oauth2 import service_account

from brokerkit.core.contract.background import submit
from brokerkit.core.vocabulary.errors import ConfigError, Unauthorized

from .errors import HOW_TO_LOG_IN, translate

SCOPES = ("https://www.googleapis.com/auth/pubsub", "https://www.googleapis.com/auth/cloud-platform")


def from_file(path: str) -> tuple[Any, str | None]:
    """Return the credentials in a service account's key file, and its project. Raises ConfigError."""
    found = _account(path)
    if isinstance(found, str):
        # raised here, where no context and no variable shows the key
        raise ConfigError(
            "the file that credentials= names is not a service account's key: expected the JSON file that "
            f"the console offers under IAM, Service accounts, Keys ({found})"
        )
    # the key itself signs the token, so no other server is needed
    return found.with_always_use_jwt_access(True), found.project_id


def _account(path: str) -> Any:
    """Return the credentials in a key file, or the name of the error."""
    try:
        return service_account.Credentials.from_service_account_file(path, scopes=SCOPES)
    except (ValueError, OSError, auth_errors.GoogleAuthError) as error:
        return type(error).__name__


def application_default(timeout: float) -> tuple[Any, str | None]:
    """Return the application-default credentials and their project.

    Raises:
        Unauthorized: There are none.
    """
    # outside Google's machines the library waits too long for their metadata server
    looking = submit(_look, "credentials")
    try:
        error = looking.exception(timeout)
    except TimeoutError:
        raise Unauthorized(f"no credentials were found within {timeout:g} s: {HOW_TO_LOG_IN}") from None
    if error is not None:
        problem = translate(error)
        # the frames of the library that read a file hold the key in it
        problem.__cause__ = None
        raise problem
    return looking.result()


def _look() -> tuple[Any, str | None]:
    found: tuple[Any, str | None] = google.auth.default(scopes=SCOPES)
    return found
