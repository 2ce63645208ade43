"""The Python call that publishes the same rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brokerkit.frames.mapped.reading import DroppedFile

from ...call_text import Name, call_text, variable_of

if TYPE_CHECKING:
    from ..model import ComposerModel


def composer_name(model: ComposerModel) -> Name:
    """Return how the notebook gets at a composer: by a variable, or through the browser it is a tab of."""
    return variable_of(model.owner(), model.named)


def bulk_call(model: ComposerModel) -> str:
    """Return the Python call that publishes the rows, or opens a composer before there are any."""
    bulk = model.bulk
    now = bulk.now
    mine = composer_name(model)
    session = variable_of(model.session, "s")
    target = session if model.to is model.session else variable_of(model.to, f"{mine}.to")
    if now.rows is None:
        place = None if model.to is model.session else target
        return call_text(
            f"{session}.compose", model.topic, many=True, rate=now.rate, journal=now.journal or None, to=place
        )
    source = now.rows.source
    if model.schema is not None or model.json:
        rows: Any = Name(f"{mine}.rows")
    else:
        given: Any = source.given
        if isinstance(given, DroppedFile):
            given = Name(f"{mine}.rows.source.given")
        elif bulk.source_path is None:
            given = variable_of(given, f"{mine}.rows.source.given")
        else:
            given = str(given)
        rows = Name(call_text("bk.read_rows", given, **now.rows.roles.options(), **source.options))
    resume = Name(f"{mine}.outcome") if now.outcome is not None and now.left and not now.journal else None
    return call_text(
        f"{target}.publish_frame",
        model.topic,
        rows,
        rate=now.rate,
        schema=None if now.schema is None else now.schema.text,
        journal=now.journal or None,
        resume=resume,
    )
