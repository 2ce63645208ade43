"""What a session that is shown says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brokerkit.display.markup import block, heading, lines, pairs

if TYPE_CHECKING:
    from .session import Session

NEXT = (
    "s.browse()  s.tail(topic)  s.compose(topic)    to click: find, follow, write\n"
    "s.topics()  s.describe(topic)                  what there is\n"
    "s.peek(topic)  s.scan(topic)                   messages as frames"
)


def welcome(session: Session) -> str:
    """What it can do, and what to call next, as HTML."""
    known = session.capabilities
    facts = {
        "sandbox": session.about,
        "models": ", ".join(known.models),
        "ack() is": known.ack,
        "peek and scan change": known.side_effects["peek"].replace("none", "nothing"),
        "changes": "refused: it is read-only" if session.read_only else None,
        "widgets": "ask for the topic's name before a change" if session.production else None,
    }
    return block(heading(f"Session of {session.label}"), pairs(facts), lines(NEXT))
