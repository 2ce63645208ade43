"""Creating and deleting streams, subjects and durable consumers."""

from __future__ import annotations

import pytest

from brokerkit.core.contract.driver import Driver
from brokerkit.core.vocabulary.errors import AlreadyExists, ConfigError, NotFound, NotSupported
from brokerkit.core.vocabulary.messages import OutboundMessage

from .conftest import asked

pytestmark = pytest.mark.broker


def config_of(driver: Driver, stream: str) -> dict[str, object]:
    return dict(driver.inspector().describe(f"stream:{stream}", 5).details["config"])


def test_a_stream_is_created_with_its_options(driver: Driver) -> None:
    options = {"stream": "made", "storage": "memory", "max_age": 3600, "duplicate_window": 5, "max_msgs": 7}
    driver.create_topic("made.x", options=options, timeout=60)
    config = config_of(driver, "made")
    driver.delete_topic("made.x", timeout=60)
    assert config["subjects"] == ["made.x"]
    assert (config["storage"], config["max_msgs"]) == ("memory", 7)
    assert (config["max_age"], config["duplicate_window"]) == (3600 * 10**9, 5 * 10**9)


def test_a_subject_that_is_stored_already_exists(driver: Driver, subject: str) -> None:
    with pytest.raises(AlreadyExists, match=subject.upper()):
        driver.create_topic(subject, options={}, timeout=60)
    with pytest.raises(AlreadyExists):
        driver.create_topic(f"{subject}.deep.er", options={}, timeout=60)


def test_a_stream_gets_a_further_subject_only_when_it_is_named(driver: Driver, subject: str) -> None:
    stream = subject.upper()
    with pytest.raises(AlreadyExists, match="stream="):
        driver.create_topic(stream, options={}, timeout=60)
    driver.create_topic(f"extra-{subject}", options={"stream": stream}, timeout=60)
    assert config_of(driver, stream)["subjects"] == [subject, f"{subject}.>", f"extra-{subject}"]
    with pytest.raises(ConfigError, match="max_age"):
        driver.create_topic(f"again-{subject}", options={"stream": stream, "max_age": 1}, timeout=60)


def test_a_stream_can_be_created_by_its_name(driver: Driver) -> None:
    driver.create_topic("stream:named", options={"subjects": ["named.>"]}, timeout=60)
    assert config_of(driver, "named")["subjects"] == ["named.>"]
    driver.delete_topic("stream:named", timeout=60)
    with pytest.raises(ConfigError, match="subjects="):
        driver.create_topic("stream:named", options={}, timeout=60)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"partitions": 3}, NotSupported),
        ({"colour": "red"}, ConfigError),
        ({"storage": "paper"}, ConfigError),
        ({"max_age": "long"}, ConfigError),
        ({"max_msgs": "many"}, ConfigError),
        ({"stream": "a.b"}, ConfigError),
        ({"subjects": "a"}, ConfigError),
    ],
)
def test_options_that_make_no_sense_are_refused(
    driver: Driver, options: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        driver.create_topic("refused", options=options, timeout=60)
    with pytest.raises(NotFound):
        driver.inspector().bounds("refused", 5)


def test_deleting_the_only_subject_deletes_the_stream(driver: Driver) -> None:
    driver.create_topic("alone", options={}, timeout=60)
    driver.delete_topic("alone", timeout=60)
    with pytest.raises(NotFound):
        driver.inspector().bounds("stream:ALONE", 5)
    with pytest.raises(NotFound):
        driver.delete_topic("alone", timeout=60)


def test_deleting_one_of_several_subjects_spares_the_others(driver: Driver, subject: str) -> None:
    driver.publisher().send([(subject, OutboundMessage(b"1")), (f"{subject}.a", OutboundMessage(b"2"))], 5)
    driver.delete_topic(f"{subject}.>", timeout=60)
    assert config_of(driver, subject.upper())["subjects"] == [subject]
    (left,) = driver.inspector().bounds(f"stream:{subject.upper()}", 5)
    assert left.messages == 1


def test_deleting_a_part_of_a_wildcard_purges_it_only(driver: Driver, subject: str) -> None:
    driver.publisher().send(
        [(f"{subject}.a", OutboundMessage(b"1")), (f"{subject}.b", OutboundMessage(b"2"))], 5
    )
    driver.delete_topic(f"{subject}.a", timeout=60)
    assert config_of(driver, subject.upper())["subjects"] == [subject, f"{subject}.>"]
    assert driver.inspector().bounds(f"{subject}.a", 5)[0].messages == 0
    assert driver.inspector().bounds(f"{subject}.b", 5)[0].messages == 1


def test_a_subscription_is_created_once(driver: Driver, subject: str) -> None:
    def create() -> None:
        driver.create_subscription(asked(subject, "me", ack_wait=3), timeout=60)

    create()
    with pytest.raises(AlreadyExists, match="'me'"):
        create()
    (info,) = driver.inspector().describe(subject, 5).subscriptions
    assert info.details["config"]["ack_wait"] == 3 * 10**9


def test_a_subscription_may_filter_several_subjects_of_a_stream(driver: Driver, subject: str) -> None:
    wanted = [f"{subject}.a", f"{subject}.b"]
    request = asked(f"stream:{subject.upper()}", "two", filter_subjects=wanted)
    driver.create_subscription(request, timeout=60)
    (info,) = driver.inspector().describe(f"{subject}.a", 5).subscriptions
    assert info.details["config"]["filter_subjects"] == wanted
    assert driver.inspector().describe(f"{subject}.c", 5).subscriptions == ()


def test_a_subscription_of_a_missing_topic_is_not_found(driver: Driver) -> None:
    with pytest.raises(NotFound):
        driver.create_subscription(asked("nowhere", "me"), timeout=60)
