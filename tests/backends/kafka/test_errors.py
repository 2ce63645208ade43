"""Errors of the client library in our tree."""

from __future__ import annotations

import traceback
from collections.abc import Callable

import pytest
from confluent_kafka import KafkaError, KafkaException

from brokerkit.backends.kafka.errors import translate
from brokerkit.core import ConfigError, Connection, OutboundMessage
from brokerkit.core.vocabulary import errors


@pytest.mark.parametrize(
    ("code", "kind", "retryable"),
    [
        (KafkaError.UNKNOWN_TOPIC_OR_PART, errors.NotFound, False),
        (KafkaError._UNKNOWN_TOPIC, errors.NotFound, False),
        (KafkaError.TOPIC_ALREADY_EXISTS, errors.AlreadyExists, False),
        (KafkaError._AUTHENTICATION, errors.Unauthorized, False),
        (KafkaError.GROUP_AUTHORIZATION_FAILED, errors.Unauthorized, False),
        (KafkaError.MSG_SIZE_TOO_LARGE, errors.TooLarge, False),
        (KafkaError.ILLEGAL_GENERATION, errors.StaleAck, False),
        (KafkaError.UNKNOWN_MEMBER_ID, errors.StaleAck, False),
        (KafkaError.REBALANCE_IN_PROGRESS, errors.StaleAck, False),
        (KafkaError.FENCED_INSTANCE_ID, errors.StaleAck, False),
        (KafkaError._FENCED, errors.Closed, False),
        (KafkaError.INVALID_CONFIG, errors.ConfigError, False),
        (KafkaError.UNSUPPORTED_VERSION, errors.NotSupported, False),
        (KafkaError._TRANSPORT, errors.Unavailable, True),
        (KafkaError._ALL_BROKERS_DOWN, errors.Unavailable, True),
        (KafkaError.NOT_LEADER_FOR_PARTITION, errors.Unavailable, True),
        (KafkaError.COORDINATOR_LOAD_IN_PROGRESS, errors.Unavailable, True),
        (KafkaError._SSL, errors.Unavailable, False),
    ],
)
def test_a_code_becomes_an_error_with_a_hint(
    code: int, kind: type[errors.BrokerError], retryable: bool
) -> None:
    original = KafkaException(KafkaError(code))
    made = translate(original, "doing something")
    assert type(made) is kind
    assert made.retryable is retryable
    assert made.__cause__ is original
    assert "doing something" in str(made)


def test_an_unknown_code_is_a_broker_error_that_names_it() -> None:
    made = translate(KafkaException(KafkaError(KafkaError.DUPLICATE_SEQUENCE_NUMBER)))
    assert type(made) is errors.BrokerError
    assert "DUPLICATE_SEQUENCE_NUMBER" in str(made)


def test_an_error_of_our_tree_stays_as_it_is() -> None:
    error = errors.StaleAck("gone")
    assert translate(error) is error


def test_a_closed_client_is_closed() -> None:
    assert isinstance(translate(RuntimeError("Consumer closed")), errors.Closed)


@pytest.mark.broker
def test_a_name_with_a_nul_never_reaches_the_one_that_ends_there(
    broker: Connection, make_topic: Callable[..., str]
) -> None:
    """The client library hands on the text up to the NUL: another topic would be deleted."""
    topic = make_topic()
    nul = f"{topic}\0b"
    for call in (
        lambda: broker.delete_topic(nul),
        lambda: broker.create_topic(nul),
        lambda: broker.create_subscription(nul, "me"),
        lambda: broker.create_subscription(topic, "me\0b"),
        lambda: broker.create_subscription(topic, "me\0b", model="message"),
        lambda: broker.consumer(topic, "me\0b"),
        lambda: broker.publisher(transactional_id="me\0b"),
        lambda: broker.inspector().bounds(nul),
    ):
        with pytest.raises(ConfigError):
            call()
    with broker.publisher() as publisher:
        (result,) = publisher.topic(nul).publish_batch([OutboundMessage(b"x")])
    assert (result.status, type(result.error)) == ("failed", ConfigError)
    (bounds,) = broker.inspector().bounds(topic)
    assert bounds.end == 0


def test_an_error_that_a_call_lists_has_its_meaning_and_a_traceback() -> None:
    listed = KafkaError(KafkaError.COORDINATOR_LOAD_IN_PROGRESS)
    problem = translate(listed, "listing groups")
    assert isinstance(problem, errors.Unavailable)
    assert problem.retryable
    assert "KafkaException" in "".join(traceback.format_exception(problem))
