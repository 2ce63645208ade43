"""The portable half of dead letters: where they are, and how those that were sent again are removed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from ..contract.dead_letters import DeadLettersDriver
from ..vocabulary.arguments import check_name
from ..vocabulary.capabilities import Capabilities, Verb
from ..vocabulary.columns import Columns
from ..vocabulary.dead_letters import (
    COMMON_RULES,
    OWN_RULES,
    DeadLetterPlace,
    HeaderRules,
    is_retrying,
    is_telling,
    named_after,
)
from ..vocabulary.errors import BrokerError, ConfigError, NotFound, NotSupported
from ..vocabulary.settled_offsets import SettledOffsets
from .asking import Asking
from .inspector import ConnectedInspector

SECONDS = 30.0
AT_ONCE = 1_000


class ConnectedDeadLetters(Asking):
    """The dead letters of a connection.

    Any thread may use it.

    Args:
        driver: Makes the calls to the client library.
        inspector: Knows the names of all topics.
        name: Names the connection in errors.
        capabilities: What the system can do.
        translate: Makes a `BrokerError` of any exception of the driver.
        refuse: Raises NotSupported, with a reason, if the connection is read-only.

    Attributes:
        rules: The attributes that tell about a dead letter.
    """

    def __init__(
        self,
        driver: DeadLettersDriver,
        inspector: ConnectedInspector,
        *,
        name: str,
        capabilities: Capabilities,
        translate: Callable[[BaseException], BrokerError],
        refuse: Callable[[str], None],
    ) -> None:
        self.rules = HeaderRules([*OWN_RULES, *driver.rules, *COMMON_RULES], driver.named)
        self._driver = driver
        self._inspector = inspector
        self._capabilities = capabilities
        self._refuse = refuse
        super().__init__(driver, "dead letters", name=name, translate=translate)

    def places(
        self, topic: str, *, naming: str | None = None, timeout: float = SECONDS
    ) -> list[DeadLetterPlace]:
        """Return the topics that hold dead letters of a topic, or this topic if it is one itself.

        Args:
            topic: The name of the topic.
            naming: How their names are made from its name, such as "dlq.{topic}". None tries what is usual.
            timeout: Seconds to wait for each answer of the broker.

        Raises:
            ConfigError: `naming` cannot be used.
            NotFound: There is no such topic, or none that holds its dead letters.
            NotSupported: The system has no dead letters.
        """
        self.check_has("dead_letters")
        check_name(topic, "topic")
        if naming is not None and (not isinstance(naming, str) or "{topic}" not in naming):
            raise ConfigError(f'naming= needs a text with {{topic}}, such as "dlq.{{topic}}", not {naming!r}')
        found = [] if naming else self._ask(lambda: self._driver.places(topic, timeout), timeout)
        known = {each.name for each in found}
        if known == {topic}:
            return found
        names = [each.name for each in self._inspector.topics(timeout=timeout)]
        for name, kind in sorted(named_after(self._driver.full(topic), names, naming).items()):
            if name not in known:
                found.append(self.place(name, kind=kind, origin=topic, timeout=timeout))
        if found:
            return found
        if naming is None and is_telling(topic):
            return [self.place(topic, timeout=timeout)]
        if naming is None and is_retrying(topic):
            return [self.place(topic, kind="retries", timeout=timeout)]
        rule = naming or "{topic}-dead-letters"
        raise NotFound(
            f"no topic holds dead letters of {topic!r} by its name: give the name of that topic itself, or "
            f"the rule for such names, naming={rule!r}{self._driver.hint}"
        )

    def place(
        self, name: str, *, kind: str | None = None, origin: str | None = None, timeout: float = SECONDS
    ) -> DeadLetterPlace:
        """Return how messages of any topic are removed.

        Raises:
            NotFound: There is no such topic.
            NotSupported: They cannot be removed one by one.
        """
        check_name(name, "topic")
        made = self._ask(lambda: self._driver.place(name, timeout), timeout)
        return replace(made, kind=kind or made.kind, origin=made.origin or origin)

    def movable(self, name: str, *, timeout: float = SECONDS) -> DeadLetterPlace:
        """Return how messages are moved away from a topic, if no subscription of it is named.

        Raises:
            ConfigError: It has several subscriptions, of which one must be named.
            NotFound: There is no such topic.
            NotSupported: They cannot be removed one by one.
        """
        check_name(name, "topic")
        return self._ask(lambda: self._driver.movable(name, timeout), timeout)

    def prepare(self, place: DeadLetterPlace, *, timeout: float = SECONDS) -> None:
        """Make what removing needs, such as the subscription of the place."""
        self._refuse("it moves no messages")
        self._ask(lambda: self._driver.prepare(place, timeout), timeout)

    def restored(self, place: DeadLetterPlace, columns: Columns, *, timeout: float = SECONDS) -> Columns:
        """Return the rows of a place as the messages that were given up."""
        if type(self._driver).restored is DeadLettersDriver.restored:
            return columns
        return self._ask(lambda: self._driver.restored(place, columns, timeout), timeout)

    def remove(
        self, place: DeadLetterPlace, ids: Sequence[str], *, timeout: float = SECONDS
    ) -> list[BrokerError | None]:
        """Delete messages by their ids, and return an error or None for each."""
        self._refuse("it removes nothing")
        found: list[BrokerError | None] = []
        for start in range(0, len(ids), AT_ONCE):
            some = ids[start : start + AT_ONCE]
            try:
                answer = self._ask(lambda some=some: self._driver.remove(place, some, timeout), timeout)  # type: ignore[misc]  # bound at once
            except BrokerError as error:
                answer = [error] * len(some)
            found += [None if each is None else self._translate(each) for each in answer]
        return found

    def remembered(
        self, place: DeadLetterPlace, *, timeout: float = SECONDS
    ) -> Mapping[int | None, SettledOffsets]:
        """Return which messages are removed and still there to be read, by partition."""
        if place.removal == "delete" or self._capabilities.slices != "repeatable":
            return {}
        return self._ask(lambda: self._driver.remembered(place, timeout), timeout)

    def remember(
        self,
        place: DeadLetterPlace,
        settled: Mapping[int | None, SettledOffsets],
        *,
        timeout: float = SECONDS,
    ) -> None:
        """Remember messages as removed."""
        self._refuse("it removes nothing")
        self._ask(lambda: self._driver.remember(place, settled, timeout), timeout)

    def check_has(self, verb: Verb) -> None:
        """Raise NotSupported, with the reason, if the system lacks a verb."""
        why = self._capabilities.lacks.get(verb)
        if why is not None:
            raise NotSupported(why)
