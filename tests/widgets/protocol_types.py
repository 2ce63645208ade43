"""The protocol of the widgets as TypeScript, from the types in Python.

python -m tests.widgets.protocol_types      writes it down
"""

from __future__ import annotations

import json
import types
from pathlib import Path
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

from brokerkit.widgets.protocol import (
    browse,
    browse_clicks,
    bulk,
    changes,
    companions,
    compose,
    conditions,
    dashboard,
    exports,
    filters,
    formats,
    lag,
    letters,
    messages,
    opening,
    tail,
    topic_tabs,
)

FILE = Path(tail.__file__).parents[1] / "frontend" / "src" / "protocol.ts"
HEAD = "// Made from brokerkit/widgets/protocol by `python -m tests.widgets.protocol_types`."
SIMPLE = {
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    types.NoneType: "null",
    Any: "unknown",
}
MODULES = (
    conditions,
    formats,
    tail,
    bulk,
    compose,
    topic_tabs,
    lag,
    companions,
    exports,
    filters,
    changes,
    letters,
    messages,
    browse,
    browse_clicks,
    opening,
    dashboard,
)


def typescript() -> str:
    """All types of the protocol."""
    parts, known = [HEAD], set[str]()
    for module in MODULES:
        for name, value in vars(module).items():
            if is_typeddict(value) and value.__module__ == module.__name__:
                parts.append(_interface(name, value))
            elif name in known:
                continue
            elif get_origin(value) in (tuple, Literal) or isinstance(value, types.UnionType):
                parts.append(f"export type {name} = {_type(value)};")
                known.add(name)
    return "\n\n".join(parts) + "\n"


def _interface(name: str, made: Any) -> str:
    hints = get_type_hints(made, include_extras=True)
    lines = [f"  {_field(field, kind)};" for field, kind in hints.items()]
    note = (made.__doc__ or "").strip().splitlines()[0]
    return "\n".join([f"/** {note} */", f"export interface {name} {{", *lines, "}"])


def _field(name: str, kind: Any) -> str:
    if get_origin(kind) is NotRequired:
        return f"{name}?: {_type(get_args(kind)[0])}"
    return f"{name}: {_type(kind)}"


def _type(kind: Any) -> str:
    if kind in SIMPLE:
        return SIMPLE[kind]
    if is_typeddict(kind):
        return str(kind.__name__)
    origin, args = get_origin(kind), get_args(kind)
    if origin is Literal:
        return " | ".join(json.dumps(each) for each in args)
    if origin in (types.UnionType, Union):
        return " | ".join(_type(each) for each in args)
    if origin is tuple:
        return f"[{', '.join(_type(each) for each in args)}]"
    if origin is list:
        inner = _type(args[0])
        return f"({inner})[]" if " | " in inner else f"{inner}[]"
    if origin is dict:
        return f"Record<string, {_type(args[1])}>"
    raise TypeError(f"{kind!r} has no counterpart in TypeScript")


if __name__ == "__main__":
    FILE.write_text(typescript(), "utf-8")
