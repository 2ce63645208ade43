"""Choose the credentials: a key, a signature, or those that azure-identity finds."""

from __future__ import annotations

from typing import Any

from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.secrets import revealed

from .options import Options

INSTALL = "pip install 'brokerkit-notebook[servicebus]'"


def credential_of(options: Options) -> Any:
    """Return the credentials for the client library. Raises ConfigError if azure-identity is missing."""
    if options.key is not None:
        return AzureNamedKeyCredential(*map(revealed, options.key))
    if options.signature is not None:
        return AzureSasCredential(options.signature.reveal())
    if options.credential is not None:
        if not callable(getattr(options.credential, "get_token", None)):
            raise ConfigError(
                "credential must be an object that gives tokens, such as azure.identity.AzureCliCredential, "
                f"not {type(options.credential).__name__}"
            )
        return options.credential
    return _default()


def _default() -> Any:
    try:
        from azure.identity import DefaultAzureCredential
    except ModuleNotFoundError as error:
        raise ConfigError(
            "servicebus://NAMESPACE logs in with DefaultAzureCredential, which needs the module "
            f"'azure.identity': {INSTALL}; or connect with a connection string"
        ) from error
    return DefaultAzureCredential()
