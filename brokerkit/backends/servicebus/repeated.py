"""Message ids where an entity drops what has an id that it has seen: which one is sent, and what is said.

Such an entity confirms a repeated message and drops it, without a word. A message that was read and is
sent again gets an id of its own, unless it is to keep it. Of an id that a publisher gives, nothing can be
known: it is sent as it is.
"""

from __future__ import annotations

from brokerkit.core.vocabulary.messages import MESSAGE_ID as OLD_ID
from brokerkit.core.vocabulary.messages import OutboundMessage

from .entities import Entity
from .names import EntityName
from .properties import MESSAGE_ID


def with_id(
    message: OutboundMessage, name: EntityName, entity: Entity | None
) -> tuple[OutboundMessage, str | None]:
    """The message with the id that it is sent under, and a note where the entity may drop it by its id.

    entity: what is known of it; None where nothing is.
    """
    given = message.attributes.get(MESSAGE_ID)
    if given is None or (entity is not None and not entity.duplicate_detection):
        return message, None
    if message.sent_again != "new id":
        return message, _warning(name, entity)
    old = [] if OLD_ID in message.attributes.names() else [(OLD_ID, given)]
    kept = [pair for pair in message.attributes if pair[0] != MESSAGE_ID]
    renewed = OutboundMessage(message.data, message.key, [*kept, *old], dedup_id=message.dedup_id)
    if entity is None:
        why = f"it is not known whether {name} drops repeated ids"
    else:
        why = f"{name} drops repeated ids for {_span(entity)}"
    return renewed, f"ids renewed: {why}; the old one is in {OLD_ID}"


def _warning(name: EntityName, entity: Entity | None) -> str:
    if entity is None:
        return f"ids kept: whether {name} drops repeated ids is not known, and it would not say so"
    return f"ids kept: {name} drops ids that it saw in the last {_span(entity)}, and does not say so"


def _span(entity: Entity) -> str:
    window = entity.duplicate_window
    if window is None:
        return "while"
    return f"{window / 60:g} min" if window >= 60 else f"{window:g} s"
