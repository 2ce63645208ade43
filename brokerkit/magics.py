"""IPython magics: ``%load_ext brokerkit`` adds `%brokerkit`, `%topics`, `%peek` and `%%publish`.

`%brokerkit` opens the first screen. Each of the others calls one method of a session: that of the variable
named by ``-s``, otherwise `s`, otherwise the only one in the notebook.
"""

from __future__ import annotations

import re
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from .core.vocabulary.results import PublishResult
from .widgets.opening import ConnectionChooser
from .workbench import Session
from .workbench import open as open_screen


def _text(written: str) -> str:
    """Return the text without the quotes around it, which IPython leaves there."""
    quoted = len(written) > 1 and written[0] == written[-1] and written[0] in "'\""
    return written[1:-1] if quoted else written


_on_session = argument("-s", "--session", metavar="NAME", help="the variable that holds the session")


@magics_class
class BrokerMagics(Magics):
    """The magics that `load_ipython_extension` registers."""

    @line_magic
    def brokerkit(self, line: str) -> ConnectionChooser:
        """The first screen, to open a broker by clicking: ``bk.open()``."""
        if line.strip():
            raise UsageError("%brokerkit takes no arguments: choose the broker on the screen that it opens")
        return open_screen()

    @line_magic
    @magic_arguments()
    @argument("--internal", action="store_true", help="the broker's own topics, too")
    @_on_session
    def topics(self, line: str) -> Any:
        """All topics: ``s.topics()``."""
        asked = parse_argstring(self.topics, line)
        return self._session(asked.session).topics(internal=asked.internal)

    @line_magic
    @magic_arguments()
    @argument("topic", type=_text, help="its name; in quotes if it has spaces")
    @argument("limit", nargs="?", type=int, default=100, help="maximum number of messages")
    @argument(
        "--start",
        type=_text,
        help="earliest, latest, an offset or a time; with a leading -, write --start=-15min",
    )
    @argument("--end", type=_text, help="the end, exclusive, written like --start")
    @argument("--key", type=_text, help="only messages with this key")
    @argument("--where", type=_text, help="only messages whose value contains this text")
    @argument("--decode", default="auto", help="auto, json, text or raw")
    @argument("--expand", action="store_true", help="fields of JSON values as columns")
    @argument(
        "--mask", type=_text, metavar="RULES", help="personal data to hide as well, such as 'customer.email'"
    )
    @argument("--unmask", action="store_true", help="show what the mask of the connection hides")
    @_on_session
    def peek(self, line: str) -> Any:
        """Messages of a topic without any side effect: ``s.peek(topic, limit, ...)``."""
        asked = parse_argstring(self.peek, line)
        return self._session(asked.session).peek(
            asked.topic,
            asked.limit,
            start=_position(asked.start),
            end=_position(asked.end),
            key=asked.key,
            where=asked.where,
            decode=asked.decode,
            expand=asked.expand,
            mask=asked.mask,
            unmask=asked.unmask,
        )

    @cell_magic
    @magic_arguments()
    @argument("topic", type=_text, help="its name; in quotes if it has spaces")
    @argument("--key", type=_text, help="the key")
    @argument(
        "--attribute",
        type=_text,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="can be repeated",
    )
    @argument("--lines", action="store_true", help="each non-empty line is a separate message")
    @_on_session
    def publish(self, line: str, cell: str) -> PublishResult | list[PublishResult]:
        """The cell as one message, as it is, without its last line end: ``s.publish(topic, cell)``."""
        asked = parse_argstring(self.publish, line)
        session = self._session(asked.session)
        named = [_pair(each) for each in asked.attribute] or None
        if not asked.lines:
            return session.publish(asked.topic, cell.removesuffix("\n"), key=asked.key, attributes=named)
        if asked.key is not None or named is not None:
            raise UsageError("--lines publishes values alone: leave --key and --attribute out")
        return session.publish_batch(asked.topic, [each for each in cell.splitlines() if each.strip()])

    def _session(self, name: str | None) -> Session:
        known = {
            name: value
            for name, value in (self.shell.user_ns if self.shell else {}).items()
            if isinstance(value, Session) and not name.startswith("_")
        }
        if name is None and "s" not in known and len({id(each) for each in known.values()}) == 1:
            return next(iter(known.values()))
        found = known.get(name or "s")
        if found is None:
            listed = ", ".join(sorted(known)) or "none: s = bk.connect(...)"
            raise UsageError(f"{name or 's'} is not a session; name one with -s (there is {listed})")
        return found


def _position(text: str | None) -> Any:
    return int(text) if text is not None and re.fullmatch(r"-?\d+", text) else text


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise UsageError(f"--attribute needs NAME=VALUE, not {text!r}")
    return name, value
