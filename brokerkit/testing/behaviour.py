"""Behaviours of the suite as tests, and the rules for gaps that a backend declares."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from brokerkit.core.vocabulary.capabilities import Model
from brokerkit.core.vocabulary.errors import BrokerError

from .harness import Gap, Harness
from .stage import Stage

GAP_SECONDS = 45.0
"""How long a test with a declared gap may run. If it hangs longer, it counts as failed."""

Body = Callable[[Any, Stage], None]
RecordProperty = Callable[[str, object], None]
EXPECTED = (AssertionError, BrokerError, TypeError, TimeoutError, pytest.fail.Exception)


@dataclass(frozen=True)
class Behaviour:
    """A behaviour that a test shows.

    Attributes:
        number: Its number in the suite.
        body: The test.
        model: The model that it belongs to. None for both.
        disturbs: Whether it breaks the server or looks at the whole process, so that it cannot run at the
            same time as others.
        timed: Whether it measures fractions of a second, which is not reliable on a busy machine.
        alike: Whether the model of the consumer changes nothing about it.
    """

    number: int
    body: Body
    model: Model | None = None
    disturbs: bool = False
    timed: bool = False
    alike: bool = False

    @property
    def of_one_model(self) -> bool:
        """Whether the harness of the system's other model can only show it a second time."""
        return self.alike or self.model is not None

    @property
    def name(self) -> str:
        """Its name in words, by which a harness declares a gap."""
        return self.body.__name__.removeprefix(f"test_conformance_{self.number:02}_").replace("_", " ")

    def show(self, suite: object, harness: Harness) -> None:
        """Run the test, and raise what it raises."""
        with Stage(harness, self.model) as stage:
            self.body(suite, stage)

    def check(self, suite: object, harness: Harness) -> Gap | None:
        """Run the test, and compare the result with the declaration.

        Returns:
            The declared gap, or None.

        Raises:
            AssertionError: A gap is declared and the behaviour holds. Without a gap, what the test raises.
        """
        gap = declared(harness, self)
        if gap is None:
            self.show(suite, harness)
        elif self._holds(suite, harness):
            raise AssertionError(
                f"the gap {self.name!r} of {harness.name} has expired: remove it ({gap.reason})"
            )
        return gap

    def _holds(self, suite: object, harness: Harness) -> bool:
        """Tell whether the behaviour holds. It does not if the test fails, is refused or hangs."""
        ended: list[BaseException | None] = []

        def attempt() -> None:
            try:
                self.show(suite, harness)
                ended.append(None)
            except BaseException as error:
                ended.append(error)

        thread = threading.Thread(target=attempt, name=f"conformance {self.number}", daemon=True)
        thread.start()
        thread.join(GAP_SECONDS)
        error = ended[0] if ended else TimeoutError("it hangs")
        if error is not None and not isinstance(error, EXPECTED):
            raise error
        return error is None


def declared(harness: Harness, what: Behaviour) -> Gap | None:
    """Return the gap in which a behaviour lies: a declared one, or the lack of the behaviour's model."""
    gap = harness.gaps.get(what.name)
    if gap is None and what.model is not None:
        with harness.connect() as connection:
            if what.model not in connection.capabilities.models:
                return Gap("never", f"the system has no {what.model}s")
    return gap


def behaviour(
    number: int,
    *,
    model: Model | None = None,
    disturbs: bool = False,
    timed: bool = False,
    alike: bool = False,
) -> Callable[[Body], Callable[..., None]]:
    """Return a decorator that makes a test method of ``body(self, stage)``. It takes the fixture `harness`.

    Args:
        number: Its number in the suite.
        model: See `Behaviour`.
        disturbs: See `Behaviour`.
        timed: See `Behaviour`.
        alike: See `Behaviour`.
    """

    def decorate(body: Body) -> Callable[..., None]:
        this = Behaviour(number, body, model, disturbs, timed, alike)

        def test(self: object, harness: Harness, record_property: RecordProperty) -> None:
            gap = declared(harness, this)
            why = None if gap is None else f"{gap.kind}: {gap.reason}"
            record_property("conformance", [harness.name, number, this.name, why])
            this.check(self, harness)

        test.__name__, test.__qualname__ = body.__name__, body.__qualname__
        test.__doc__, test.__module__ = body.__doc__, body.__module__
        test.behaviour = this  # type: ignore[attr-defined]  # functions take attributes
        return test

    return decorate


def behaviours_of(suite: type) -> list[Behaviour]:
    """Return the behaviours that a class of tests shows, sorted by number."""
    found = (getattr(getattr(suite, name), "behaviour", None) for name in dir(suite))
    return sorted((each for each in found if isinstance(each, Behaviour)), key=lambda each: each.number)
