"""The rule of attaching, at a driver that counts: who creates a missing subscription, and what is said."""

from __future__ import annotations

import pytest

from brokerkit.core import AlreadyExists, BrokerError, NotFound, Unavailable
from brokerkit.core.contract.consumer import ConsumerDriver, ConsumerRequest, Fetched, SubscriptionNotFound
from brokerkit.core.contract.error_table import ErrorTable, Row
from brokerkit.core.runtime.subscribing import Subscribing
from brokerkit.core.vocabulary.positions import Earliest, Position


class Taken(Exception):
    """What a client library raises for a name that is taken."""


TABLE = ErrorTable({Taken: Row(AlreadyExists, "it is taken")})


class Missing(ConsumerDriver):
    """A consumer of a subscription that is missing until it is created.

    Attributes:
        there: Whether the subscription can be found.
        created: Where it was created.
        refusing: Errors that the next calls of `create_subscription` raise.
    """

    def __init__(self) -> None:
        self.there = False
        self.created: list[Position] = []
        self.refusing: list[Exception] = []

    def attach(self, wait: float) -> bool:
        if not self.there:
            raise SubscriptionNotFound("topic 't' has no subscription 's'", "t", "s")
        return True

    def create_subscription(self, start: Position, timeout: float) -> None:
        if self.refusing:
            raise self.refusing.pop()
        self.created.append(start)
        self.there = True

    def fetch(self, max_messages: int, wait: float) -> Fetched:
        raise AssertionError("nothing is fetched")


def subscribing(driver: Missing, start: Position | None, model: str = "message") -> Subscribing:
    request = ConsumerRequest("t", "s", model, start)  # type: ignore[arg-type]  # a model
    return Subscribing(driver, request, "message", TABLE.translate)


@pytest.mark.parametrize(("model", "said"), [("message", ""), ("record", ", model='record'")])
def test_without_a_start_nothing_is_created_and_the_line_that_creates_it_is_said(
    model: str, said: str
) -> None:
    driver = Missing()
    with pytest.raises(NotFound) as caught:
        subscribing(driver, None, model).attach(0.2, 1.0)
    assert type(caught.value) is NotFound
    assert str(caught.value) == (
        "topic 't' has no subscription 's': create it with create_subscription('t', 's'"
        f'{said}, start="earliest"), or give start= to this call'
    )
    assert driver.created == []


def test_with_a_start_it_is_created_once_and_then_attached() -> None:
    driver = Missing()
    step = subscribing(driver, Earliest())
    assert step.attach(0.2, 1.0) is False
    assert step.attach(0.2, 1.0) is True
    assert driver.created == [Earliest()]


def test_an_existing_object_is_not_created() -> None:
    driver = Missing()
    driver.there = True
    assert subscribing(driver, Earliest()).attach(0.2, 1.0) is True
    assert driver.created == []


@pytest.mark.parametrize("error", [Taken("s"), AlreadyExists("s is taken")])
def test_another_client_that_was_faster_is_fine(error: Exception) -> None:
    driver = Missing()
    driver.refusing = [error]
    step = subscribing(driver, Earliest())
    assert step.attach(0.2, 1.0) is False
    driver.there = True
    assert step.attach(0.2, 1.0) is True


def test_a_name_that_is_taken_by_something_else_is_refused_with_the_reason() -> None:
    driver = Missing()
    driver.refusing = [Taken("s")]
    step = subscribing(driver, Earliest())
    assert step.attach(0.2, 1.0) is False
    with pytest.raises(AlreadyExists, match="it is taken"):
        step.attach(0.2, 1.0)


def test_an_error_of_creating_it_is_raised_and_the_next_step_tries_again() -> None:
    driver = Missing()
    driver.refusing = [Unavailable("later")]
    step = subscribing(driver, Earliest())
    with pytest.raises(BrokerError, match="later"):
        step.attach(0.2, 1.0)
    assert step.attach(0.2, 1.0) is False
    assert driver.created == [Earliest()]
