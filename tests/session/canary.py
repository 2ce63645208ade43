"""A secret that tests plant, and all the texts in which an error could show it."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path

import brokerkit as bk

CANARY = "k4n4r13nv0g3l"


def is_ours(file: str) -> bool:
    return Path(file).is_relative_to(Path(bk.__file__).parent)


def texts_of(error: BaseException) -> Iterator[str]:
    """All that can be seen of an error: of it, its causes and contexts, with the variables of every frame."""
    from IPython.core.ultratb import VerboseTB

    # the frames of the test itself know the canary
    while error.__traceback__ and not is_ours(error.__traceback__.tb_frame.f_code.co_filename):
        error.__traceback__ = error.__traceback__.tb_next
    yield "".join(traceback.format_exception(error))
    yield "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    yield VerboseTB(theme_name="nocolor").text(type(error), error, error.__traceback__)
    yield from _as_rich_shows(error)
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        each = waiting.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            yield f"{each!r} {each} {each.args!r} {vars(each)!r} {getattr(each, 'object', '')!r}"
            waiting += [each.__cause__, each.__context__]


def _as_rich_shows(error: BaseException) -> Iterator[str]:
    """Yield what rich shows of an error and of the variables of its functions, none of them shortened.

    The lines of the program that it shows between them hold no values, and take long to be colored.
    """
    from rich.traceback import Traceback

    shown = Traceback.extract(
        type(error),
        error,
        error.__traceback__,
        show_locals=True,
        locals_max_length=None,
        locals_max_string=None,
    )
    for stack in shown.stacks:
        yield f"{stack.exc_value} {stack.notes}"
        for frame in stack.frames:
            yield from (f"{name} = {value}" for name, value in (frame.locals or {}).items())


def check(texts: Iterator[str] | list[str]) -> None:
    for text in texts:
        place = text.find(CANARY)
        # the place without the canary: a failing test is an output, too
        assert place < 0, text[max(0, place - 300) : place].replace(CANARY, "*")
