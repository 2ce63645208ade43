"""The rule of attaching: only a caller that says where to begin creates a missing subscription."""

from __future__ import annotations

from collections.abc import Callable

from ..contract.consumer import ConsumerDriver, ConsumerRequest, SubscriptionNotFound
from ..vocabulary.capabilities import Model
from ..vocabulary.errors import AlreadyExists, BrokerError, NotFound
from ..vocabulary.positions import AtTime


class Subscribing:
    """Creates the subscription of a consumer if it is missing. Used by the driver's thread only.

    Args:
        driver: Creates the subscription.
        request: Says what is read, and where a missing subscription begins.
        default: The model that the system has first.
        translate: Makes a `BrokerError` of any exception of the driver.
    """

    def __init__(
        self,
        driver: ConsumerDriver,
        request: ConsumerRequest,
        default: Model,
        translate: Callable[[BaseException], BrokerError],
    ) -> None:
        self._driver = driver
        self._request = request
        self._default = default
        self._translate = translate
        self._refused: BrokerError | None = None

    @property
    def since(self) -> int | None:
        """The time at which a missing subscription begins, in microseconds. None for another position."""
        start = self._request.start
        return start.microseconds if isinstance(start, AtTime) else None

    def attach(self, wait: float, timeout: float) -> bool:
        """Do a step of attaching, as `ConsumerDriver.attach`. A step that creates the subscription is false.

        Args:
            wait: Seconds that the step may take.
            timeout: Seconds that creating the subscription may take.

        Raises:
            AlreadyExists: The name is taken by something that cannot be consumed.
            NotFound: The subscription is missing, and the request does not say where it begins.
        """
        try:
            return self._driver.attach(wait)
        except SubscriptionNotFound as error:
            missing = error
        if self._refused is not None:
            refused, self._refused = self._refused, None
            raise refused
        if self._request.start is None:
            model = None if self._request.model == self._default else self._request.model
            raise NotFound(
                f"{missing}: create it with {line_that_creates(missing, model)}, or give start= to this call"
            ) from missing.__cause__
        try:
            self._driver.create_subscription(self._request.start, timeout)
        except Exception as error:
            problem = self._translate(error)
            if not isinstance(problem, AlreadyExists):
                raise
            # another client was faster; if nothing is found now, the name belongs to something else
            self._refused = problem
        return False


def line_that_creates(missing: SubscriptionNotFound, model: Model | None = None) -> str:
    """Return the call that creates a missing subscription; `model` is said if it is not the usual one."""
    said = "" if model is None else f", model={model!r}"
    return f'create_subscription({missing.topic!r}, {missing.subscription!r}{said}, start="earliest")'
