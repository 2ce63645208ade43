"""Changes of messages as calls of a session: redrive, move, delete, and send to another topic."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from brokerkit.core.vocabulary.capabilities import Verb as Capability
from brokerkit.core.vocabulary.errors import BrokerError, ConfigError
from brokerkit.frames.provenance import provenance_of
from brokerkit.session.base import open_sessions
from brokerkit.session.operate.dead_letter_methods import MAX_REDRIVES

from ..call_text import Name, call_text, variable_of
from ..confirming import needs_name
from ..predicate import Predicate
from ..protocol.changes import ChangeOf, Verb
from ..protocol.conditions import ConditionMode
from .narrowing import Narrowing, mode_in, narrowed_by

if TYPE_CHECKING:
    import pandas as pd

    from brokerkit.session.session import DataSession

    from .letters_found import Chosen
    from .model import BrowserModel

NEEDED: dict[Verb, tuple[Capability, ...]] = {
    "redrive": ("dead_letters", "redrive"),
    "move": ("move",),
    "delete": ("purge", "purge_where"),
    "send": (),
}
"""What a system must have for each change."""
_WHY: dict[Verb, str] = {
    "redrive": "it moves no messages",
    "move": "it moves no messages",
    "delete": "it removes no messages",
}
_CLOSED = "this session was closed: connect again, and run the cell"
_DONE = {"redrive": ("confirmed",), "move": ("confirmed",), "delete": ("removed", "gone")}


@dataclass(frozen=True)
class Order:
    """A change of messages that a user asked for.

    Attributes:
        verb: What is done.
        letters: The chosen dead letters; None for rows of the messages.
        session: The session that they are in.
        name: The topic whose name confirms it.
        frame: The messages.
        python: The Python that returns them.
        to: The topic to send them to; empty for the one that each came from, or that is not typed yet.
        target: The session to send them to: that of the browser, except to send copies.
        rate: At most so many per second; None for no limit.
        keep: Whether headers about dead letters are kept.
        most: One that was redriven so often already is refused.
        typed: The same as it was typed: topic, session, rate, headers, how often, and the condition.
        narrowed: The condition of which chosen ones; None for all.
    """

    verb: Verb
    letters: Chosen | None
    session: DataSession
    name: str
    frame: pd.DataFrame
    python: str
    to: str
    target: DataSession
    rate: float | None
    keep: bool
    most: int
    typed: tuple[str, str, str, bool, str, ConditionMode, str]
    narrowed: Narrowing | None

    @classmethod
    def of_message(cls, model: BrowserModel, message: Mapping[str, Any]) -> Order:
        """Return the order that a message of the view holds.

        Raises:
            ConfigError: It is none, nothing is chosen, a field cannot be used, or the session was closed.
        """
        verb: Verb | None = next((each for each in get_args(Verb) if each == message.get("verb")), None)
        topic = model.topic
        if verb is None or topic is None:
            raise ConfigError("choose a topic and messages of it first")
        own = variable_of(model.owner(), "browser")
        letters = model.letters.chosen() if message.get("of") == "letters" else None
        if letters is not None and verb not in ("redrive", "send"):
            raise ConfigError(f"dead letters are redriven here: to {verb} them, open the topic that has them")
        frame = model.as_frame(model.rows.selected()) if letters is None else letters.frame
        if not len(frame):
            raise ConfigError("choose messages first")
        narrowed = narrowed_by(verb, frame, message)
        if narrowed is not None:
            frame = frame.iloc[narrowed.rows]
        token = str(message.get("session", "")) if verb == "send" else ""
        target = targets(model).get(token)
        if target is None:
            raise ConfigError("the session to send them to is not open any more: choose another one")
        rate, most = str(message.get("rate", "")).strip(), str(message.get("most", "")).strip()
        to = str(message.get("to", "")).strip()
        return cls(
            verb,
            letters,
            model.session,
            confirmed_name(frame, verb, topic),
            frame,
            f"{own}.selected" if letters is None else f"{own}.letters",
            to,
            target,
            _rate(rate),
            bool(message.get("keep")),
            _most(most),
            (
                to,
                token,
                rate,
                bool(message.get("keep")),
                most or str(MAX_REDRIVES),
                mode_in(message),
                str(message.get("where", "")),
            ),
            narrowed,
        )

    @property
    def of(self) -> ChangeOf:
        """Whether they are dead letters, or rows of the messages."""
        return "rows" if self.letters is None else "letters"

    @property
    def edited(self) -> int:
        """How many of the dead letters are edited."""
        if self.letters is None:
            return 0
        rows = range(len(self.letters.frame)) if self.narrowed is None else self.narrowed.rows
        return len(self.letters.edited.intersection(rows))

    @property
    def asked(self) -> bool:
        """Whether all is known that it needs."""
        return bool(self.to) or self.verb in ("redrive", "delete")

    @property
    def needs_name(self) -> bool:
        """Whether the name is to be typed: on production, and for what cannot be brought back."""
        return self.verb == "delete" or needs_name(self.target)

    @property
    def confirmed_by(self) -> str:
        """The name to type."""
        return self.to if self.verb == "send" else self.name

    @property
    def refused(self) -> str:
        """Why it may not be carried out, in the words of the Python call; empty if it may."""
        try:
            if self.verb != "send":
                self.session.connection.refuse_if_read_only(_WHY[self.verb])
            if self.verb != "delete":
                self.target.connection.refuse_if_read_only("it publishes nothing")
        except BrokerError as error:
            return str(error)
        return ""

    def planned(self) -> pd.DataFrame:
        """Return what would be done; nothing is changed.

        Raises:
            BrokerError: It cannot be done.
        """
        return self._made(self.frame, self._planning)

    @property
    def _planning(self) -> dict[str, Any]:
        """The arguments of a dry run; what is shown only by taking it is taken for it, too."""
        taking = self.verb in ("redrive", "move") and self.session.capabilities.slices == "never"
        return {"dry_run": True} | ({"side_effects": "give back"} if taking else {})

    def carried_out(self, earlier: pd.DataFrame | None) -> pd.DataFrame:
        """Do it, or what is left of it after `earlier` receipts, and return the receipts of all.

        Raises:
            BrokerError: Nothing of it could be done.
            Interrupted: It was stopped; its frame has the receipts.
        """
        if self.verb == "send":
            return self._made(self.frame, {"resume": earlier})
        return self._made(self.rest(earlier), {"confirm": self.name})

    def rest(self, earlier: pd.DataFrame | None) -> pd.DataFrame:
        """Return the messages that are left after `earlier` receipts."""
        if earlier is None:
            return self.frame
        done = {key for key, good in zip(keys_of(earlier), self.settled(earlier), strict=True) if good}
        return self.frame[[key not in done for key in keys_of(self.frame)]]

    def settled(self, receipts: pd.DataFrame) -> list[bool]:
        """Return of which receipts nothing is left to do."""
        if self.verb == "send":
            return [each in ("confirmed", "duplicate") for each in receipts["status"]]
        good = [each in _DONE[self.verb] for each in receipts["status"]]
        if self.verb == "delete":
            return good
        return [ok and bool(gone) for ok, gone in zip(good, receipts["removed"], strict=True)]

    def _made(self, frame: pd.DataFrame, how: dict[str, Any]) -> pd.DataFrame:
        name, args, options = self._call(frame)
        made: pd.DataFrame = getattr(self.target, name)(*args, **options, **how, progress=False)
        return made

    def _call(self, frame: Any) -> tuple[str, list[Any], dict[str, Any]]:
        """Return the method that does it, and its arguments."""
        if self.verb == "send":
            return "publish_frame", [self.to, frame], {}
        if self.verb == "delete":
            return "purge", [self.name], {"rows": frame}
        if self.verb == "move":
            return "move", [frame, self.to], {"rate": self.rate}
        options: dict[str, Any] = {"to": self.to or None, "rate": self.rate}
        if self.keep:
            options["headers"] = "keep"
        if self.most != MAX_REDRIVES:
            options["max_redrives"] = self.most
        return "redrive", [frame], options

    def call(self, *, done: bool) -> str:
        """Return the Python call: that of the plan, or of what was `done`."""
        name, args, options = self._call(Name(self.python))
        if self.narrowed is not None:
            where = self.narrowed.where
            options = {"where": Name(where.text) if isinstance(where, Predicate) else where} | options
        how = self._planning
        if done:
            how = {} if self.verb == "send" else {"confirm": self.name}
        through = f"{self.python.rpartition('.')[0]}.target"
        doing = variable_of(self.target, "s" if self.target is self.session else through)
        return call_text(f"{doing}.{name}", *args, **options, **how)


def confirmed_name(frame: pd.DataFrame, verb: Verb, topic: str) -> str:
    """Return the name that confirms a change: that of the rows may be longer than the one that was opened."""
    names = list(frame["topic"].dropna().unique())
    named = str(names[0]) if len(names) == 1 and verb in ("move", "redrive") else topic
    return str((provenance_of(frame) or {}).get("dead_letters") or named)


def keys_of(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the topic and the id of each message of a frame or of receipts."""
    names = ("source", "source_id") if "source_id" in frame.columns else ("topic", "id")
    return list(zip(*(frame[name].astype(str) for name in names), strict=True))


def targets(model: BrowserModel) -> dict[str, DataSession]:
    """Return the sessions that messages may be sent to by their tokens: first this one, by an empty text."""
    others: dict[str, Any] = {each.token: each for each in open_sessions() if each is not model.session}
    return {"": model.session, **others}


def lacks_of(model: BrowserModel) -> dict[str, str]:
    """Return the changes that the system does not have, each with the reason."""
    known = model.session.capabilities.lacks
    return {
        verb: next(known[each] for each in needed if each in known)
        for verb, needed in NEEDED.items()
        if any(each in known for each in needed)
    }


def held_of(model: BrowserModel) -> dict[str, str]:
    """Return the changes that cannot be made now, each with the reason; copies go to any open session."""
    if not model.session.connection.closed:
        return {}
    return {verb: _CLOSED for verb in NEEDED if verb != "send" or len(targets(model)) == 1}


def _rate(text: str) -> float | None:
    found = re.fullmatch(r"([\d.,]+)(?:\s*(?:per second|/s|a second))?", text)
    if not text:
        return None
    try:
        rate = float(found[1].replace(",", "")) if found else 0.0
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise ConfigError(f"At most: expected a number of messages per second, more than 0, not {text!r:.40}")
    return rate


def _most(text: str) -> int:
    if not text:
        return MAX_REDRIVES
    if not text.isdecimal() or not 0 < int(text) < 1_000_000:
        raise ConfigError(f"Redriven at most: expected a whole number, 1 or more, not {text!r:.40}")
    return int(text)
