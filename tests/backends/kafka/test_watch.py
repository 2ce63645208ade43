"""What is told of a lost connection, whatever librdkafka called it."""

from __future__ import annotations

import time

import pytest
from confluent_kafka import KafkaError

from brokerkit.backends.kafka.tokens import TokenSource
from brokerkit.backends.kafka.watch import Watch
from brokerkit.core import Unauthorized


@pytest.mark.parametrize(
    "said",
    [
        "ssl://broker:9092/bootstrap: SSL handshake failed: Disconnected: SSL connection closed by peer",
        "ssl://broker:9092/bootstrap: Disconnected: SSL connection closed by peer "
        "(after 1ms in state SSL_HANDSHAKE)",
    ],
)
@pytest.mark.parametrize("then", [None, KafkaError(KafkaError._TRANSPORT, "connection refused")])
def test_a_connection_lost_in_its_tls_handshake_says_so(said: str, then: KafkaError | None) -> None:
    watch = Watch("broker:9092")
    watch(KafkaError(KafkaError._TRANSPORT, said))
    if then is not None:
        watch(then)
    problem = watch.unavailable("connecting")
    assert "security.protocol" in str(problem)
    assert not problem.retryable


def test_a_connection_lost_for_another_reason_says_nothing_of_tls() -> None:
    watch = Watch("broker:9092")
    watch(KafkaError(KafkaError._TRANSPORT, "broker:9092/bootstrap: Connect failed: Connection refused"))
    problem = watch.unavailable("connecting")
    assert "TLS" not in str(problem)
    assert problem.retryable


def test_a_connection_closed_at_the_first_request_asks_for_tls_or_sasl() -> None:
    """A port that wants credentials is told in two ways, by what librdkafka notices first."""
    said = "broker:9092/bootstrap: Send failed: Broken pipe (after 1ms in state UP)"
    watch = Watch("broker:9092")
    watch(KafkaError(KafkaError._TRANSPORT, said))
    assert "security.protocol" in str(watch.unavailable("connecting"))
    watch.forget()
    watch(KafkaError(KafkaError._TRANSPORT, said))
    assert "security.protocol" not in str(watch.unavailable("asking")), "it spoke with us before"


def test_a_refusal_names_the_failure_of_the_function_that_gives_tokens() -> None:
    sealed = RuntimeError("the vault is sealed")
    failing = False

    def give(_: str) -> tuple[str, float]:
        if failing:
            raise sealed
        return "token", time.time() + 60

    tokens = TokenSource(give)
    watch = Watch("broker:9092", tokens)
    tokens.prepare("")
    refused = KafkaError(KafkaError._AUTHENTICATION, "FindCoordinator response error")
    assert str(watch.translate(refused, "reading 'orders'")).startswith("reading 'orders': FindCoordinator")
    failing = True
    tokens("")
    tokens("")
    problem = watch.translate(refused, "reading 'orders'")
    assert isinstance(problem, Unauthorized)
    assert "the vault is sealed" in str(problem)
    assert problem.__cause__ is sealed
    other = watch.translate(KafkaError(KafkaError._TIMED_OUT, "no answer"), "reading 'orders'")
    assert "vault" not in str(other)
