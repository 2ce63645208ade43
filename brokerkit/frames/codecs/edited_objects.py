"""An edited JSON text back in the types of the payload that it was read from.

JSON has fewer types than MessagePack or CBOR. What was not edited is the old object itself; what was edited
is read as the type that was there before: base64 as bytes, ISO 8601 as a time, ``"1"`` as the key 1.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any

from ..json_exact import read
from . import iso_times
from .avro.branches import same_items
from .avro.scalar_values import as_bytes
from .misfit import Misfit, shown
from .objects import DEEPEST, Special, object_text

Made = Callable[[Any, Any, Any, str, "Again"], Any]
"""Return an object of a codec's own type: from the old one, its JSON, the new JSON, the path, and `Again`.

Raise NotImplementedError for a type that it does not know.
"""
Again = Callable[[Any, Any, Any, str], Any]
"""What the types inside are made with."""


def edited(old: Any, text: str | bytes, special: Special, made: Made) -> Any:
    """Return the object to write for an edited text.

    Args:
        old: The object that was read.
        text: The JSON text as it is now.
        special: As in `object_text`.
        made: Makes the types of the codec.

    Raises:
        Misfit: A value cannot be read as the type that was there; the text has its path.
        ValueError: The text is not JSON.
    """
    before = read(object_text(old, special)).value

    def again(old: Any, before: Any, now: Any, path: str) -> Any:
        return _edited(old, before, now, path, again, made)

    return again(old, before, read(text).value, "")


def _edited(old: Any, before: Any, now: Any, path: str, again: Again, made: Made) -> Any:
    if path.count(".") + path.count("[") > DEEPEST:
        raise Misfit(path[:200], f"more than {DEEPEST} levels deep")
    if isinstance(old, Mapping) and isinstance(now, Mapping):
        return _map(old, before, now, path, again)
    if isinstance(old, list | tuple) and isinstance(now, list):
        kept = {new: was for was, new in same_items(before, now)}
        return [
            again(old[kept[number]], before[kept[number]], each, f"{path}[{number}]")
            if number in kept
            else each
            for number, each in enumerate(now)
        ]
    if type(before) is type(now) and before == now:
        return old
    if isinstance(old, bytes):
        return as_bytes(now, path)
    if isinstance(old, datetime.datetime | datetime.date):
        return _time(old, now, path)
    if isinstance(old, float) and type(now) is int and float(now) == now:
        return float(now)
    if old is None or isinstance(old, bool | int | float | str | Mapping | list | tuple):
        return now
    try:
        return made(old, before, now, path, again)
    except NotImplementedError:
        raise Misfit(path, f"a {type(old).__name__} cannot be written from text") from None


def _map(old: Mapping[Any, Any], before: Any, now: Mapping[str, Any], path: str, again: Again) -> Any:
    # the names are in the order of the keys
    keys = dict(zip(before, old, strict=True))
    found: dict[Any, Any] = {}
    for name, value in now.items():
        where = f"{path}.{name}" if path else name
        key = keys.get(name, name)
        found[key] = again(old[key], before[name], value, where) if name in keys else value
    return found


def _time(old: datetime.date, now: Any, path: str) -> datetime.date:
    zoned = isinstance(old, datetime.datetime) and old.tzinfo is not None
    try:
        if not isinstance(old, datetime.datetime):
            return datetime.date(1970, 1, 1) + datetime.timedelta(iso_times.days(now))
        micros = iso_times.moment(now, 10**6, zoned=zoned)
        start = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC if zoned else None)
        return start + datetime.timedelta(microseconds=micros)
    except (ValueError, OverflowError) as error:
        raise Misfit(path, str(error) or f"{shown(now)} is beyond the years that can be written") from error
