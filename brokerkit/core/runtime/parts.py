"""The parts of a connection that are made on first use and kept: they look, and operate."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, TypeVar

from ..contract.driver import Driver
from ..vocabulary.capabilities import Capabilities
from ..vocabulary.errors import BrokerError
from ..vocabulary.freed import freed
from .closing import Closable
from .dead_letters import ConnectedDeadLetters
from .inspector import ConnectedInspector
from .purging import ConnectedPurging
from .subscriptions import ConnectedSubscriptions

ADMIN_SECONDS = 30.0

T = TypeVar("T")
Part = TypeVar("Part", bound=Closable)


class ConnectionParts(Closable):
    """A connection with its parts. `_making` is held while one is made."""

    name: str
    capabilities: Capabilities

    def __init__(self) -> None:
        self._making = threading.RLock()
        self._parts: dict[type[Closable], Closable] = {}

    @property
    @abstractmethod
    def driver(self) -> Driver:
        """The driver underneath. Raises Closed if the connection is closed."""

    @abstractmethod
    def translate(self, error: BaseException) -> BrokerError:
        """Return any exception of the driver as a `BrokerError` without secrets. Raises nothing."""

    @abstractmethod
    def refuse_if_read_only(self, why: str) -> None:
        """Raise NotSupported, with the reason `why`, if no change is allowed, and Closed if closed."""

    @abstractmethod
    def _ask(self, question: Callable[[], T], timeout: float) -> T:
        """Make a call on the driver's thread, and wait for it. Raise its error without secrets."""

    @abstractmethod
    def _adopt(self, child: Closable) -> None:
        """Close `child` with the connection. If that is closed, close `child` now and raise Closed."""

    def inspector(self) -> ConnectedInspector:
        """Return the inspector of the connection, made on first use.

        Raises:
            NotSupported: The system cannot be browsed without side effects.
        """
        driver = self.driver
        return self._once(
            ConnectedInspector,
            lambda: ConnectedInspector(
                self._ask(driver.inspector, ADMIN_SECONDS),
                lambda: self._ask(driver.reader, ADMIN_SECONDS),
                name=self.name,
                translate=self.translate,
            ),
        )

    def subscriptions(self) -> ConnectedSubscriptions:
        """Return the subscriptions of the connection, to list, describe, move and delete them."""
        driver = self.driver
        return self._once(
            ConnectedSubscriptions,
            lambda: ConnectedSubscriptions(
                self._ask(driver.subscriptions, ADMIN_SECONDS), self.inspector(), **self._operating
            ),
        )

    def purging(self) -> ConnectedPurging:
        """Return what removes messages from topics, queues and backlogs."""
        driver = self.driver
        return self._once(
            ConnectedPurging,
            lambda: ConnectedPurging(
                self._ask(driver.purging, ADMIN_SECONDS),
                self.inspector(),
                self.subscriptions(),
                **self._operating,
            ),
        )

    def dead_letters(self) -> ConnectedDeadLetters:
        """Return the dead letters of the connection, to find them and to remove what was sent again."""
        driver = self.driver
        return self._once(
            ConnectedDeadLetters,
            lambda: ConnectedDeadLetters(
                self._ask(driver.dead_letters, ADMIN_SECONDS), self.inspector(), **self._operating
            ),
        )

    @property
    def _operating(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "capabilities": self.capabilities,
            "translate": self.translate,
            "refuse": self.refuse_if_read_only,
        }

    def _once(self, kind: type[Part], make: Callable[[], Part]) -> Part:
        """Return a part of the connection, made on first use."""
        with freed(self._making), self._making:
            found = self._parts.get(kind)
            if found is None:
                found = make()
                self._adopt(found)
                self._parts[kind] = found
            assert isinstance(found, kind)
            return found
