"""The arguments of one `Session.peek`, as a value and as Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from brokerkit.core.vocabulary.arguments import check_count
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.windows import LATENESS
from brokerkit.frames.build import FrameBuilder
from brokerkit.frames.masking.mask import Mask
from brokerkit.session.arguments import MAX_BYTES, check_bytes, check_topic
from brokerkit.session.options import ReadOptions
from brokerkit.session.read.ranges import parse_partitions, parse_range
from brokerkit.session.reader_schemas import planned

from ..call_text import Name, call_text
from ..predicate import Predicate

if TYPE_CHECKING:
    from brokerkit.session.session import DataSession

SHOWING = ("decode", "decode_key", "mask", "unmask")
"""The arguments that say how messages are shown, wherever they are."""
PEEK_LIMIT = 100
"""The default limit of `Session.peek`."""


@dataclass(frozen=True, eq=False)
class Query:
    """The arguments of `Session.peek`. Use `but` for a copy with some of them changed.

    Raises:
        ConfigError: An argument cannot be used.
    """

    topic: str
    limit: int = PEEK_LIMIT
    start: Any = None
    end: Any = None
    newest: bool | None = None
    partitions: Any = None
    key: str | bytes | None = None
    header: Any = None
    where: Any = None
    decode: Any = "auto"
    expand: bool = False
    lateness: Any = LATENESS
    scan_for_time: bool = False
    side_effects: str | None = None
    subscription: str | None = None
    max_bytes: int | None = MAX_BYTES
    decode_key: Any = "auto"
    mask: Mask | str | None = None
    unmask: bool = False

    def __post_init__(self) -> None:
        check_topic(self.topic)
        object.__setattr__(self, "limit", check_count(self.limit, "limit"))
        object.__setattr__(self, "max_bytes", check_bytes(self.max_bytes))
        object.__setattr__(self, "partitions", parse_partitions(self.partitions))
        parse_range(self.start, self.end, self.lateness)

    def reading(self) -> ReadOptions:
        """Return the arguments that say which messages are read, and how they are shown."""
        return ReadOptions(
            self.key,
            self.header,
            self.where,
            self.decode,
            self.expand,
            scan_for_time=self.scan_for_time,
            max_bytes=self.max_bytes,
            decode_key=self.decode_key,
            mask=self.mask,
            unmask=self.unmask,
        )

    def reading_all(self, key: bytes | None = None, header: Any = None) -> ReadOptions:
        """Return the arguments to read messages as this query does, without its filters."""
        return ReadOptions(
            key, header, decode=self.decode, decode_key=self.decode_key, mask=self.mask, unmask=self.unmask
        )

    def builder(self, session: DataSession) -> FrameBuilder:
        """Return a new builder of the rows."""
        reading = planned(session, [self.topic], self.reading_all())
        return reading.builder(session.schema_source, session.mask)

    @classmethod
    def of(cls, given: Any, otherwise: Query | None) -> Query:
        """Return a query from a user's value: a query, a dict of changes, or the name of a topic."""
        if isinstance(given, Query):
            return given
        if isinstance(given, str):
            return cls(given)
        if not isinstance(given, Mapping):
            raise ConfigError(
                "a query is a Query, a topic's name or a dict of arguments of peek, "
                f"not {type(given).__name__}"
            )
        known = {each.name for each in fields(cls)}
        unknown = sorted(set(map(str, given)) - known)
        if unknown:
            raise ConfigError(f"peek has no argument {', '.join(unknown)}; it has {', '.join(sorted(known))}")
        if otherwise is None or given.get("topic", otherwise.topic) != otherwise.topic:
            return cls(**given)
        return replace(otherwise, **given)

    def but(self, **changes: Any) -> Query:
        """Return a copy with some arguments changed."""
        return replace(self, **changes)

    @property
    def filtering(self) -> bool:
        """Whether not every message is wanted."""
        return any(each is not None for each in (self.key, self.header, self.where))

    @property
    def backwards(self) -> bool:
        """Whether the newest messages are wanted, not the first."""
        return self.start is None if self.newest is None else self.newest

    def changed(self) -> dict[str, Any]:
        """Return the arguments besides topic and limit that differ from their defaults."""
        return {
            each.name: getattr(self, each.name)
            for each in fields(self)[2:]
            # compare by identity: comparing an Arrow expression makes another expression
            if getattr(self, each.name) is not each.default
            and (each.name == "where" or getattr(self, each.name) != each.default)
        }

    def showing(self) -> dict[str, Any]:
        """Return the arguments that say how messages are shown, where they differ from their defaults."""
        changed = self.changed()
        return {name: changed[name] for name in SHOWING if name in changed}

    def widened(self, rows: int, *, bytes_too: bool) -> Query:
        """Return a copy that asks for so many more rows, and for another `MAX_BYTES` with `bytes_too`."""
        if bytes_too and self.max_bytes is not None:
            return self.but(limit=self.limit + rows, max_bytes=self.max_bytes + MAX_BYTES)
        return self.but(limit=self.limit + rows)

    def differs_in_fields_only(self, other: Query) -> bool:
        """Return whether the same rows are wanted, with or without JSON fields as columns."""
        return self.is_same(other.but(expand=self.expand)) and self.expand != other.expand

    def is_same(self, other: Query) -> bool:
        """Return whether the same is asked for."""
        return all(
            getattr(self, each.name) is getattr(other, each.name)
            or (
                (each.name != "where" or isinstance(self.where, str | Predicate))
                and getattr(self, each.name) == getattr(other, each.name)
            )
            for each in fields(self)
        )

    def call(self, session: str, browser: str) -> str:
        """Return the Python call that reads the same.

        Args:
            session: The name of the notebook's variable for the session.
            browser: The name of the notebook's variable for the browser.
        """
        limit = () if self.limit == PEEK_LIMIT else (self.limit,)
        return call_text(f"{session}.peek", self.topic, *limit, **self._written(browser))

    def scan_call(self, session: str, browser: str) -> str:
        """Return the Python call that scans all that match; see `call`."""
        options = self._written(browser)
        for name in ("newest", "max_bytes", "side_effects", "subscription"):
            options.pop(name, None)
        return call_text(f"{session}.scan", self.topic, **options)

    def written_showing(self, browser: str) -> dict[str, Any]:
        """Return `showing` as Python; see `call`."""
        return self._with_mask_named(self.showing(), browser)

    def _written(self, browser: str) -> dict[str, Any]:
        options = self.changed()
        if self.where is not None:
            options["where"] = _where_text(self.where, browser)
        return self._with_mask_named(options, browser)

    def _with_mask_named(self, options: dict[str, Any], browser: str) -> dict[str, Any]:
        return options if self.mask is None else options | {"mask": Name(f"{browser}.query.mask")}


def _where_text(where: Any, browser: str) -> Any:
    if isinstance(where, str):
        return where
    if isinstance(where, Predicate):
        return Name(where.text)
    return _variable(where) or Name(f"{browser}.query.where")


def _variable(thing: Any) -> Name | None:
    from ..call_text import variable_of

    found = variable_of(thing, "")
    return found or None
