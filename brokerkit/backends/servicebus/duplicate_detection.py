"""Choose message ids for entities with duplicate detection, and note which messages may be dropped.

Such an entity confirms a repeated message and silently drops it. A message that was read and is sent
again gets a new id, unless it must keep its own. An id that the publisher gives is sent as it is, since
nothing is known of it.
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
    """Return the message with the id to send, and a note if the entity may drop it because of its id.

    Args:
        message: The message to send.
        name: The name of the entity.
        entity: The description of the entity, or None if it is not known.
    """
    given = message.attributes.get(MESSAGE_ID)
    if given is None or (entity is not None and not entity.duplicate_detection):
        return message, None
    if message.sent_again != "new id":
        return message, _warning(name, entity)
    old = [] if OLD_ID in message.attributes.names() else [(OLD_ID, given)]
    kept = [pair for pair in message.attributes if pair[0] != MESSAGE_ID]
    renewed = OutboundMessage(message.data, message.key, [*kept, *old], dedup_id=message.dedup_id)
    renewed.sent_again = message.sent_again
    if entity is None:
        why = f"it is not known whether {name} drops repeated ids"
    else:
        why = f"{name} drops repeated ids for {_span(entity)}"
    return renewed, f"ids renewed: {why}; the old one is in {OLD_ID}"


def _warning(name: EntityName, entity: Entity | None) -> str:
    if entity is None:
        return (
            f"ids kept: whether {name} drops repeated ids is unknown, and it does not report those it drops"
        )
    return f"ids kept: {name} drops ids that it saw in the last {_span(entity)}, without reporting it"


def _span(entity: Entity) -> str:
    window = entity.duplicate_window
    if window is None:
        return "while"
    return f"{window / 60:g} min" if window >= 60 else f"{window:g} s"
