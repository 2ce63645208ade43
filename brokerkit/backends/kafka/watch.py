"""What librdkafka reports beside its answers: lost connections and refused credentials."""

from __future__ import annotations

import threading

from confluent_kafka import KafkaError, KafkaException

from brokerkit.core.errors import BrokerError, Unavailable

from .errors import AUTHENTICATION, TLS, TLS_HINT, from_code

PROTOCOL_HINT = "does the port want TLS or SASL (security.protocol=, sasl.mechanism=, user and password)?"


class Watch:
    """Remembers what `error_cb` of a client said, for whoever waits for that client.

    librdkafka goes on trying after a refused password; whoever waits wants to know at once.
    """

    def __init__(self, servers: str) -> None:
        self.servers = servers
        self._lock = threading.Lock()
        self._last: KafkaError | None = None
        self._refused: KafkaError | None = None
        self._tls: KafkaError | None = None

    def __call__(self, error: KafkaError) -> None:
        """The `error_cb`."""
        with self._lock:
            code = error.code()
            if code in AUTHENTICATION:
                self._refused = error
            elif code in TLS or _in_handshake(error.str()):
                self._tls = error
            # "all brokers down" follows the error that says why, and would hide it
            if code != KafkaError._ALL_BROKERS_DOWN or self._last is None:
                self._last = error

    def forget(self) -> None:
        """The client was answered: earlier trouble is over."""
        with self._lock:
            self._last = self._refused = self._tls = None

    def raise_if_refused(self) -> None:
        """Raise Unauthorized when the broker refused the credentials."""
        with self._lock:
            refused = self._refused
        if refused is not None:
            raise from_code(refused, f"{self.servers} refused the credentials")

    def unavailable(self, what: str) -> BrokerError:
        """No answer came: an error that names the broker and what librdkafka said last."""
        with self._lock:
            last, tls = self._last, self._tls
        problem = tls or last
        if problem is None:
            said = "no answer"
        elif problem.code() == KafkaError._ALL_BROKERS_DOWN:
            said = f"connections are closed at once; {PROTOCOL_HINT}"
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


def _in_handshake(said: str) -> bool:
    """Whether a connection was lost in its TLS handshake: librdkafka has no code of its own for that,
    and words it in two ways ("SSL handshake failed: ...", "... in state SSL_HANDSHAKE")."""
    return "SSL handshake" in said or "SSL_HANDSHAKE" in said
