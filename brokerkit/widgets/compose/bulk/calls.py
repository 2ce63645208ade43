"""The Python call that publishes the same rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brokerkit.frames.mapped.reading import DroppedFile

from ...call_text import Name, call_text, variable_of
from ...notebook_cells import cells

if TYPE_CHECKING:
    from ..model import ComposerModel


def _named(composer: object) -> Name:
    """Return how the notebook reaches a composer: by a variable, or through the browser it is a tab of."""
    known = cells()
    for name, value in list(known.names.items()) if known is not None and composer is not None else ():
        has_one = not name.startswith("_") and isinstance(getattr(type(value), "composer", None), property)
        if has_one and value.composer is composer:
            return Name(f"{name}.composer")
    return variable_of(composer, "composer")


def bulk_call(model: ComposerModel) -> str:
    """Return the Python call that publishes the rows, or opens a composer before there are any."""
    bulk = model.bulk
    now = bulk.now
    mine = _named(model.owner())
    session = variable_of(model.session, "s")
    target = session if model.to is model.session else variable_of(model.to, "other")
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
        journal=now.journal or None,
        resume=resume,
    )
