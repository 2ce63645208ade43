"""A record of what librdkafka reports through `error_cb`: lost connections and refused credentials."""

from __future__ import annotations

import threading

from confluent_kafka import KafkaError, KafkaException

from brokerkit.core.vocabulary.errors import BrokerError, Unauthorized, Unavailable

from .errors import AUTHENTICATION, TLS, TLS_HINT, kafka_error, translate
from .options import Properties
from .tokens import TokenSource

UNTRUSTED = "certificate verify failed"
TRUST_HINT = "ssl.ca.location= names the file of the authority that signed the broker's certificate"
CERTIFICATE_HINT = (
    "ssl.certificate.location= and ssl.key.location= name one, signed by an authority that the broker trusts"
)
NO_TOKEN = "Failed to acquire SASL OAUTHBEARER token"
OIDC_HINT = (
    "check sasl.oauthbearer.token.endpoint.url, sasl.oauthbearer.client.id and sasl.oauthbearer.client.secret"
)
PROTOCOL_HINT = "does the port want TLS or SASL (security.protocol=, sasl.mechanism=, user and password)?"


class Watch:
    """The `error_cb` of a client, which remembers what was reported.

    librdkafka keeps trying after a refused password. A caller that waits for the client can check this object
    and raise the error at once.
    """

    def __init__(self, servers: str, tokens: TokenSource | None = None) -> None:
        self.servers = servers
        self._tokens = tokens
        self._lock = threading.Lock()
        self._last: KafkaError | None = None
        self._refused: KafkaError | None = None
        self._tls: KafkaError | None = None
        self._answered = False

    @classmethod
    def of(cls, properties: Properties) -> Watch:
        """Return the watch of a client with these properties."""
        return cls(str(properties["bootstrap.servers"]), properties.get("oauth_cb"))

    def __call__(self, error: KafkaError) -> None:
        """Remember an error; librdkafka calls this."""
        with self._lock:
            code = error.code()
            if code in AUTHENTICATION:
                self._refused = error
            elif code in TLS or _in_handshake(error.str()) or _wants_certificate(error.str()):
                self._tls = error
            # "all brokers down" follows the error that gives the reason, and would hide it
            if code != KafkaError._ALL_BROKERS_DOWN or self._last is None:
                self._last = error

    @property
    def last(self) -> KafkaError | None:
        """The last error that was reported, or None."""
        return self._last

    def forget(self) -> None:
        """Forget earlier errors, because the client received an answer."""
        with self._lock:
            self._last = self._refused = self._tls = None
            self._answered = True

    def raise_if_refused(self) -> None:
        """Raise the error if the broker refused this client or its certificate is not trusted.

        Raises:
            Unauthorized: The broker refused the credentials or the client's certificate.
            Unavailable: The broker's certificate is not signed by a trusted authority.
        """
        with self._lock:
            refused, tls = self._refused, self._tls
        problem = None if self._tokens is None else self._tokens.problem()
        if refused is not None and problem is not None:
            raise problem
        if refused is not None and NO_TOKEN in refused.str():
            raise Unauthorized(
                f"{refused.str()}; {OIDC_HINT}",
            ) from KafkaException(refused)
        if refused is not None:
            raise translate(refused, f"{self.servers} refused the credentials")
        if tls is None:
            return
        said = tls.str()
        if _wants_certificate(said):
            raise Unauthorized(
                f"{self.servers} requires another client certificate: {said}; {CERTIFICATE_HINT}"
            ) from KafkaException(tls)
        if UNTRUSTED in said:
            raise Unavailable(
                f"{self.servers} is not trusted: {said}; {TRUST_HINT}", retryable=False
            ) from KafkaException(tls)

    def translate(self, error: BaseException | KafkaError, about: str) -> BrokerError:
        """Return an error of the client as a `BrokerError`, which names the cause of a missing token.

        Args:
            error: What the client raised or listed.
            about: What was being done; the message begins with it.
        """
        found = error if isinstance(error, KafkaError) else kafka_error(error)
        problem = None if self._tokens is None else self._tokens.problem()
        if problem is None or found is None or found.code() not in AUTHENTICATION:
            return translate(error, about)
        return problem

    def unavailable(self, what: str) -> BrokerError:
        """Return an error for a missing answer, with the broker's name and librdkafka's last error."""
        with self._lock:
            last, tls = self._last, self._tls
        problem = tls or last
        if problem is None:
            said = "no answer"
        elif problem.code() == KafkaError._ALL_BROKERS_DOWN:
            said = f"connections are closed at once; {PROTOCOL_HINT}"
        elif _cut_off(problem.str()) and not self._answered:
            said = f"{problem.str()}; {PROTOCOL_HINT}"
        else:
            said = problem.str()
        if problem is not None and (problem is tls or _in_handshake(said)):
            made = Unavailable(
                f"{what}: {self.servers} is not reachable: {said}; {TLS_HINT}", retryable=False
            )
        else:
            made = Unavailable(f"{what}: {self.servers} is not reachable: {said}")
        if problem is not None:
            made.__cause__ = KafkaException(problem)
        return made


def _cut_off(said: str) -> bool:
    """Return whether the broker accepted a connection and closed it when something was sent."""
    return "Send failed" in said


def _in_handshake(said: str) -> bool:
    """Return whether a connection was lost in its TLS handshake.

    librdkafka has no error code for that, and words it in two ways ("SSL handshake failed: ...",
    "... in state SSL_HANDSHAKE").
    """
    return "SSL handshake" in said or "SSL_HANDSHAKE" in said


def _wants_certificate(said: str) -> bool:
    """Return whether the broker ended the handshake because the client's certificate is wrong or missing."""
    return "ssl/tls alert" in said or "tlsv13 alert" in said or "tlsv1 alert" in said
