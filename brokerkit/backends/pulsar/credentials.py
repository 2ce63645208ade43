"""Build the credentials and the TLS settings for the C++ client and for the REST endpoint."""

from __future__ import annotations

import base64
import json
import ssl
import time
from pathlib import Path
from typing import Any

import httpx
import pulsar

from brokerkit.core.vocabulary.errors import ConfigError, Unauthorized, Unavailable
from brokerkit.core.vocabulary.secrets import Secret, revealed

from .options import Options

EARLY_SECONDS = 30.0
"""How long before an access token expires a new one is requested."""
ISSUER_SECONDS = 10.0


def client_authentication(options: Options) -> Any:
    """Return the authentication object for the client library, or None without credentials."""
    if options.token is not None:
        return pulsar.AuthenticationToken(options.token.reveal())
    if options.oauth2:
        return pulsar.AuthenticationOauth2(json.dumps(dict(options.oauth2)))
    if options.user is not None:
        return pulsar.AuthenticationBasic(options.user, revealed(options.password))
    if options.tls_certificate is not None:
        return pulsar.AuthenticationTLS(options.tls_certificate, options.tls_key_file)
    return None


def introduction(options: Options) -> tuple[str, bytes]:
    """Return the method and the data of authentication, as the protocol carries them."""
    if options.token is not None:
        return "token", options.token.reveal().encode()
    if options.oauth2:
        with httpx.Client(verify=True) as client:
            header = RestCredentials(options).header(client, ISSUER_SECONDS)
        return "token", header["Authorization"].removeprefix("Bearer ").encode()
    if options.user is not None:
        return "basic", f"{options.user}:{revealed(options.password)}".encode()
    return ("none" if options.tls_certificate is None else "tls"), b""


def ssl_context(options: Options) -> ssl.SSLContext:
    """Return a context with the trusted certificates and the client's own.

    Raises ConfigError for a bad file.
    """
    try:
        context = ssl.create_default_context(cafile=options.tls_ca)
        context.check_hostname = options.tls_check_hostname
        if options.tls_certificate is not None:
            context.load_cert_chain(options.tls_certificate, options.tls_key_file)
    except (ssl.SSLError, OSError) as error:
        # an error about a key must not show the key
        raise ConfigError(
            f"tls_ca, tls_certificate or tls_key_file cannot be used ({type(error).__name__})"
        ) from None
    return context


class RestCredentials:
    """The Authorization header of requests to the REST endpoint."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._token = Secret("")
        self._until = 0.0

    def header(self, client: httpx.Client, timeout: float) -> dict[str, str]:
        """Return the header. Raises Unauthorized if the issuer of access tokens refuses."""
        options = self._options
        if options.token is not None:
            return {"Authorization": f"Bearer {options.token.reveal()}"}
        if options.oauth2:
            return {"Authorization": f"Bearer {self._access_token(client, timeout).reveal()}"}
        if options.user is not None:
            pair = Secret(f"{options.user}:{revealed(options.password)}")
            return {"Authorization": f"Basic {base64.b64encode(pair.reveal().encode()).decode()}"}
        return {}

    def _access_token(self, client: httpx.Client, timeout: float) -> Secret:
        if time.monotonic() < self._until:
            return self._token
        oauth2 = self._options.oauth2
        key = _read_key(oauth2["private_key"])
        issuer = oauth2["issuer_url"].rstrip("/")
        form = {
            "grant_type": "client_credentials",
            "client_id": key["client_id"],
            "client_secret": key["client_secret"],
            **{name: oauth2[name] for name in ("audience", "scope") if name in oauth2},
        }
        try:
            found = client.get(f"{issuer}/.well-known/openid-configuration", timeout=timeout)
            found.raise_for_status()
            answer = client.post(found.json()["token_endpoint"], data=revealed(form), timeout=timeout)
            answer.raise_for_status()
            granted = answer.json()
            self._token = Secret(str(granted.pop("access_token")))
        except httpx.TransportError as error:
            raise Unavailable(f"the issuer of access tokens cannot be reached: {error}") from error
        except (httpx.HTTPStatusError, KeyError, ValueError) as error:
            raise Unauthorized(
                f"the issuer of access tokens returned none ({type(error).__name__})"
            ) from error
        self._until = time.monotonic() + float(granted.get("expires_in", 0)) - EARLY_SECONDS
        return self._token


def _read_key(where: str) -> dict[str, Secret]:
    found = _key_in(where)
    if isinstance(found, str):
        # no cause and no context, since the file holds a secret that must not be shown
        raise ConfigError(f"oauth2_key_file must name a JSON file with client_id and client_secret ({found})")
    return found


def _key_in(where: str) -> dict[str, Secret] | str:
    """Return the contents of a key file, or the name of the error."""
    try:
        key = json.loads(Path(where.removeprefix("file://").removeprefix("file:")).read_text("utf-8"))
        return {name: Secret(str(key[name])) for name in ("client_id", "client_secret")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        return type(error).__name__
