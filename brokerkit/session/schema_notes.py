"""Notes of objects that become JSON although their topic has a schema."""

from __future__ import annotations

import threading
from collections.abc import Callable

from brokerkit.core.runtime.inspector import ConnectedInspector
from brokerkit.core.vocabulary.errors import BrokerError, NotFound, NotSupported
from brokerkit.core.vocabulary.freed import freed
from brokerkit.core.vocabulary.latch import Latch
from brokerkit.core.vocabulary.notes import note
from brokerkit.display.sanitize import plain
from brokerkit.registry import Registry, Subjects

ANSWER_SECONDS = 1.0
"""How long a publish waits at most for the answer whether its topic has a schema."""
TYPED = frozenset({"AVRO", "PROTOBUF"})
"""The types of a system's own schemas whose payloads are not JSON."""


class SchemaIgnoredWarning(UserWarning):
    """An object was written as JSON, and its topic has a schema: `schema=` was not given."""


class SchemaNotes:
    """Tells once for each topic that it has a schema. May be used from any thread.

    Args:
        registry: The schema registry; None without one.
        inspect: Returns the inspector of a system that keeps schemas itself; None for any other.
    """

    def __init__(self, registry: Registry | None, inspect: Callable[[], ConnectedInspector] | None) -> None:
        self._registry = registry
        self._inspect = inspect
        self._lock = threading.RLock()
        self._asked: set[str] = set()
        self._silent = registry is None and inspect is None

    def take(self, topic: str) -> str | None:
        """Return the note for an object that becomes JSON; None where there is none, or it was taken.

        The topic is asked for once, and what does not answer is not asked again.
        """
        if self._silent or topic in self._asked:
            return None
        with freed(self._lock), self._lock:
            if topic in self._asked:
                return None
            self._asked.add(topic)
        asking = _Asking(self._registry, self._inspect, topic)
        if asking.answered(ANSWER_SECONDS):
            if asking.problem is None:
                return None if asking.found is None else _has_schema(topic, *asking.found)
            problem = str(asking.problem)
        else:
            name = "the system" if self._registry is None else f"the schema registry {self._registry.name}"
            problem = f"{name} did not answer within {ANSWER_SECONDS:g} s"
        self._silent = True
        return (
            f"the value is written as JSON, and whether {plain(topic, 200)!r} has a schema is not known: "
            f"{plain(problem, 300)}. This session does not ask again"
        )

    def tell(self, topic: str) -> str | None:
        """Warn with `SchemaIgnoredWarning` where `take` has a note, and return it."""
        text = self.take(topic)
        if text is not None:
            note(text, SchemaIgnoredWarning)
        return text


def _has_schema(topic: str, label: str, hint: str) -> str:
    return (
        f"{plain(topic, 200)!r} has the schema {plain(label, 300)}, and the value is written as JSON "
        f"without it: {hint} writes it with the schema, schema=False says that JSON is meant"
    )


class _Asking:
    """The question for the schema of a topic, in a thread: finding the host alone may take minutes.

    Attributes:
        found: The schema in words, and the argument that writes it; None if there is none.
        problem: Why that is not known.
    """

    def __init__(
        self, registry: Registry | None, inspect: Callable[[], ConnectedInspector] | None, topic: str
    ) -> None:
        self.found: tuple[str, str] | None = None
        self.problem: BrokerError | None = None
        self._registry, self._inspect, self._topic = registry, inspect, topic
        self._done = Latch()
        threading.Thread(target=self._run, name="brokerkit-schema-of-topic", daemon=True).start()

    def answered(self, seconds: float) -> bool:
        """Wait for the answer, and return whether there is one."""
        return self._done.wait(seconds)

    def _run(self) -> None:
        try:
            self.found = self._of_registry() or self._of_system()
        except BrokerError as error:
            self.problem = error
        finally:
            self._done.set()

    def _of_registry(self) -> tuple[str, str] | None:
        if self._registry is None:
            return None
        try:
            subjects = Subjects(self._registry.client.within(ANSWER_SECONDS))
            found = subjects.version(f"{self._topic}-value")
        except NotFound:
            return None
        return f"{found.label} ({found.type})", "schema=True"

    def _of_system(self) -> tuple[str, str] | None:
        if self._inspect is None:
            return None
        try:
            inspector = self._inspect()
            names = inspector.schema_names(self._topic, timeout=ANSWER_SECONDS)
            if not names:
                return None
            type = inspector.schema(names[-1], timeout=ANSWER_SECONDS).type
            if type not in TYPED or self._is_json(inspector):
                return None
        except (NotFound, NotSupported):
            return None
        return f"{names[-1]} ({type})", f"schema=brokerkit.{type.lower()}(...)"

    def _is_json(self, inspector: ConnectedInspector) -> bool:
        """Return whether the payloads of the topic are JSON that fits its schema."""
        found = inspector.describe(self._topic, count=False, timeout=ANSWER_SECONDS)
        return bool(found.details.get("schema_encoding") == "JSON")
