"""What librdkafka reports beside its answers: lost connections and refused credentials."""

from __future__ import annotations

import threading

from confluent_kafka import KafkaError, KafkaException

from brokerkit.core.vocabulary.errors import BrokerError, Unauthorized, Unavailable

from .errors import AUTHENTICATION, TLS, TLS_HINT, from_code

UNTRUSTED = "certificate verify failed"
TRUST_HINT = "ssl.ca.location= names the file of the authority that signed the broker's certificate"
CERTIFICATE_HINT = (
    "ssl.certificate.location= and ssl.key.location= name one, signed by an authority that the broker trusts"
)
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
        self._answered = False

    def __call__(self, error: KafkaError) -> None:
        """The `error_cb`."""
        with self._lock:
            code = error.code()
            if code in AUTHENTICATION:
                self._refused = error
            elif code in TLS or _in_handshake(error.str()) or _wants_certificate(error.str()):
                self._tls = error
            # "all brokers down" follows the error that says why, and would hide it
            if code != KafkaError._ALL_BROKERS_DOWN or self._last is None:
                self._last = error

    @property
    def last(self) -> KafkaError | None:
        """The last trouble that was told."""
        return self._last

    def forget(self) -> None:
        """The client was answered: earlier trouble is over."""
        with self._lock:
            self._last = self._refused = self._tls = None
            self._answered = True

    def raise_if_refused(self) -> None:
        """Raise Unauthorized when the broker refused the credentials or the client's certificate.

        Raises Unavailable when nobody we trust vouches for the broker's own.
        """
        with self._lock:
            refused, tls = self._refused, self._tls
        if refused is not None:
            raise from_code(refused, f"{self.servers} refused the credentials")
        if tls is None:
            return
        said = tls.str()
        if _wants_certificate(said):
            raise Unauthorized(
                f"{self.servers} wants another certificate of the client: {said}; {CERTIFICATE_HINT}"
            ) from KafkaException(tls)
        if UNTRUSTED in said:
            raise Unavailable(
                f"{self.servers} is not trusted: {said}; {TRUST_HINT}", retryable=False
            ) from KafkaException(tls)

    def unavailable(self, what: str) -> BrokerError:
        """No answer came: an error that names the broker and what librdkafka said last."""
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
    """Whether the broker took a connection and then closed it at what was sent."""
    return "Send failed" in said


def _in_handshake(said: str) -> bool:
    """Whether a connection was lost in its TLS handshake: librdkafka has no code of its own for that,
    and words it in two ways ("SSL handshake failed: ...", "... in state SSL_HANDSHAKE")."""
    return "SSL handshake" in said or "SSL_HANDSHAKE" in said


def _wants_certificate(said: str) -> bool:
    """Whether the broker ended the handshake because of our certificate, or for want of one."""
    return "ssl/tls alert" in said or "tlsv13 alert" in said or "tlsv1 alert" in said
