"""A behaviour of the suite as a test, and what it means when a backend declares a gap."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from brokerkit.core.vocabulary.capabilities import Gap, Model
from brokerkit.core.vocabulary.errors import BrokerError

from .harness import Harness
from .stage import Stage

GAP_SECONDS = 45.0
"""How long a test whose gap is declared may hang before that counts as the gap."""

Body = Callable[[Any, Stage], None]
RecordProperty = Callable[[str, object], None]
EXPECTED = (AssertionError, BrokerError, TypeError, TimeoutError, pytest.fail.Exception)


@dataclass(frozen=True)
class Behaviour:
    """One line of the list of behaviours.

    model: where it exists in one model only. disturbs: it breaks the server, or looks at all of the
    process, so it does not run at the same time as others. timed: it measures time in fractions of a
    second, which says nothing on a machine that is busy with others.
    """

    number: int
    body: Body
    model: Model | None = None
    disturbs: bool = False
    timed: bool = False

    @property
    def name(self) -> str:
        """Its name in words."""
        return self.body.__name__.removeprefix(f"test_conformance_{self.number:02}_").replace("_", " ")

    def show(self, suite: object, harness: Harness) -> None:
        """Run it. Raises what the test raises."""
        with Stage(harness, self.model) as stage:
            self.body(suite, stage)

    def check(self, suite: object, harness: Harness) -> Gap | None:
        """Run it, and hold it against the declaration, which is returned where there is one."""
        gap = declared(harness, self)
        if gap is None:
            self.show(suite, harness)
        elif self._holds(suite, harness):
            raise AssertionError(
                f"the declaration of {self.number} for {harness.name} has expired: remove it ({gap.reason})"
            )
        return gap

    def _holds(self, suite: object, harness: Harness) -> bool:
        """Whether it can be shown; failing, being refused and hanging are the ways in which it cannot."""
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
    """The gap that the system under test declares for a behaviour, in the model in which it is shown."""
    with harness.connect() as connection:
        model = what.model or harness.model
        possible = model if model in connection.capabilities.models else None
        gap = connection.capabilities.of(possible).gaps.get(what.number)
    if gap is not None and gap.server is not None and gap.server != harness.server:
        return None
    return gap


def behaviour(
    number: int, *, model: Model | None = None, disturbs: bool = False, timed: bool = False
) -> Callable[[Body], Callable[..., None]]:
    """Make a test method of ``body(self, stage)``: it takes the fixture `harness`."""

    def decorate(body: Body) -> Callable[..., None]:
        this = Behaviour(number, body, model, disturbs, timed)

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
    """The behaviours that a class of tests shows, by number."""
    found = (getattr(getattr(suite, name), "behaviour", None) for name in dir(suite))
    return sorted((each for each in found if isinstance(each, Behaviour)), key=lambda each: each.number)
