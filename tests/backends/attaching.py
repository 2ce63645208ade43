"""Consumers at the level of the driver, which the test's own thread owns."""

from __future__ import annotations

from brokerkit.core.contract.consumer import ConsumerDriver, ConsumerRequest
from brokerkit.core.contract.driver import Driver
from brokerkit.core.runtime.subscribing import Subscribing
from brokerkit.testing import eventually


def attached(driver: Driver, request: ConsumerRequest, within: float = 15) -> ConsumerDriver:
    """A consumer that is attached. Its subscription is created if it is missing and the request has a start."""
    made = driver.consumer(request)
    subscribing = Subscribing(made, request, driver.capabilities.models[0], driver.translate)
    eventually(lambda: subscribing.attach(0.2, within), "it is attached", within=within)
    return made
