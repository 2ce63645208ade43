"""Requests to a registry."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlsplit

from brokerkit.core.vocabulary.errors import (
    BrokerError,
    ConfigError,
    NotFound,
    TooLarge,
    Unauthorized,
    Unavailable,
)
from brokerkit.core.vocabulary.secrets import Secret, Secrets

from .errors import refusal, unreachable
from .http import LARGEST, Answer, AnswerTooLarge, Requests
from .options import RegistryOptions

MEDIA = "application/vnd.schemaregistry.v1+json"
NATIVE = "/apis/"
"""Where the path of Apicurio begins, behind which both its own protocol and Confluent's are."""
COMPATIBLE = "/apis/ccompat/v7"
ATTEMPTS = 2
"""How often each address is asked: a connection that was idle may be broken, and a proxy restarted."""
SOON = 1.0
"""Seconds after which an address that did not answer is not asked a second time."""


class RegistryClient:
    """A client of one registry. May be used from any thread."""

    def __init__(self, options: RegistryOptions) -> None:
        self._options = options
        secure = any(url.startswith("https:") for url in options.urls)
        self._requests = Requests(_tls(options) if secure else None, options.timeout)
        # a registry, or a proxy before it, may say what it was told
        self._secrets = Secrets()
        for each in (options.password, options.token, _authorization(options)):
            if each is not None:
                self._secrets.add(each.reveal().rpartition(" ")[2])

    @property
    def name(self) -> str:
        """The first address, without credentials."""
        return self._options.urls[0]

    def within(self, seconds: float) -> RegistryClient:
        """Return a client of the same registry whose requests take so many seconds at most."""
        return RegistryClient(replace(self._options, timeout=min(seconds, self._options.timeout)))

    def get(self, path: str, **params: str) -> Any:
        """Return the JSON of an answer. Raises the errors of `ask`."""
        return self.ask("GET", path, params=params)

    def ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        native: bool = False,
    ) -> Any:
        """Send a request and return the JSON of the answer.

        Args:
            method: The method of HTTP.
            path: The path below the address; the caller quotes its parts.
            params: The query.
            body: What to send as JSON.
            native: The path is one of Apicurio's own protocol.

        Raises:
            NotFound: The registry does not have it.
            Unauthorized: The credentials are missing or refused.
            Unavailable: No address answered, or not as a registry does.
            ConfigError: The registry refused the content.
        """
        answer = self.fetch(method, path, params=params, body=body, native=native)
        if not answer.data and answer.status == 204:
            return None
        try:
            return json.loads(answer.data)
        except (ValueError, RecursionError) as error:
            raise Unavailable(
                f"{self.name} did not answer as a schema registry does: its answer is not JSON; "
                "check the address",
                retryable=False,
            ) from error

    def fetch(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        native: bool = False,
    ) -> Answer:
        """Send a request and return the answer as it is. Arguments and errors are those of `ask`."""
        query = "&".join(f"{quote(name)}={quote(value, safe='')}" for name, value in (params or {}).items())
        problem = Unavailable(f"the schema registry {self.name} has no address")
        for address in self._options.urls:
            url = (_native_root(address) if native else address) + path + (f"?{query}" if query else "")
            for _ in range(ATTEMPTS if method == "GET" else 1):
                began = time.monotonic()
                try:
                    return self._send(method, url, body, address)
                except Unavailable as error:
                    problem = error
                if not problem.retryable or time.monotonic() - began > min(SOON, self._options.timeout / 2):
                    break
        raise problem

    def refuse_if_no_registry(self) -> None:
        """Raise ConfigError if the address is not one of a registry, so that it finds nothing at all."""
        if self._has("/subjects"):
            return
        hint = "give the address below which /subjects is"
        if self._has(f"{COMPATIBLE}/subjects", native=True):
            hint = f"there is one at {_native_root(self.name)}{COMPATIBLE}"
        raise ConfigError(f"there is no schema registry at {self.name}: {hint}")

    def _has(self, path: str, *, native: bool = False) -> bool:
        try:
            self.ask("GET", path, native=native)
        except NotFound:
            return False
        except Unauthorized:
            # a user may read schemas without the right to list them
            return True
        return True

    def _send(self, method: str, url: str, body: Any, address: str) -> Answer:
        request = urllib.request.Request(
            url,
            None if body is None else json.dumps(body).encode(),
            {"Accept": f"{MEDIA}, */*"},
            method=method,
        )
        if body is not None:
            request.add_header("Content-Type", MEDIA)
        if (signed := _authorization(self._options)) is not None:
            request.add_unredirected_header("Authorization", signed.reveal())
        problem: BrokerError
        try:
            answer = self._requests.send(request)
        except AnswerTooLarge:
            problem = TooLarge(f"the schema registry {address} sent more than {LARGEST // 2**20} MB")
        except (OSError, http.client.HTTPException, ValueError) as error:
            problem = unreachable(error, address)
        except BaseException as error:
            # the variables of urllib's functions hold the credentials
            raise error.with_traceback(None) from None
        else:
            if 200 <= answer.status < 300:
                return answer
            problem = refusal(answer, address)
        # raised here, so that no exception of urllib becomes its context
        raise self._secrets.clear(problem)


def _native_root(address: str) -> str:
    """Return what is in front of the paths of Apicurio's own protocol."""
    parts = urlsplit(address)
    path, found, _ = parts.path.partition(NATIVE)
    return f"{parts.scheme}://{parts.netloc}{path if found else ''}"


def _authorization(options: RegistryOptions) -> Secret | None:
    if options.token is not None:
        return Secret(f"Bearer {options.token.reveal()}")
    if options.user is None:
        return None
    password = "" if options.password is None else options.password.reveal()
    return Secret(f"Basic {base64.b64encode(f'{options.user}:{password}'.encode()).decode()}")


def _tls(options: RegistryOptions) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=options.ca)
        if options.cert is not None:
            context.load_cert_chain(options.cert, options.key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"the files of registry_ca, registry_cert or registry_key cannot be used: {error}"
        ) from error
    return context
