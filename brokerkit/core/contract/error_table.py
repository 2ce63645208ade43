"""Tables by which a backend turns the exceptions of its client library into a `BrokerError`.

A backend declares a rule for each type of exception that means something, and calls `ErrorTable.translate`::

    TABLE = ErrorTable(
        {
            client.NotThere: Row(NotFound, "there is no such queue"),
            client.Failure: ByCode(lambda error: [error.status], {429: Row(Unavailable, "it is busy")}),
            OSError: Row(Unavailable, "the connection failed"),
        }
    )

A rule is a `Row`, or chooses one by a code of the exception (`ByCode`) or by what its text contains
(`ByText`, where the client gives nothing else). Rules may be nested. The most derived type that has a rule is
used.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..vocabulary.errors import BrokerError, Closed, Unavailable

LONGEST_TEXT = 1000
"""Most characters of an exception's text that are passed on."""


@dataclass(frozen=True, slots=True)
class Row:
    """What an exception means.

    Attributes:
        kind: The error that is raised for it.
        meaning: What happened; the text of the exception follows in brackets.
        hint: What to do; it follows the text of the exception in brackets.
        retryable: Replaces what `kind` says about it.
    """

    kind: type[BrokerError]
    meaning: str = ""
    hint: str = ""
    retryable: bool | None = None

    def error(self, said: str, about: str = "") -> BrokerError:
        """Return the error.

        Args:
            said: The text of the exception.
            about: What was being done; the message begins with it.
        """
        text = f"{self.meaning} ({said})" if self.meaning and said else self.meaning or said
        text = f"{text} ({self.hint})" if self.hint else text
        return self.kind(f"{about}: {text}" if about else text, retryable=self.retryable)

    def row(self, error: BaseException, said: str) -> Row:
        """Return itself: this rule has a single row."""
        return self


@dataclass(frozen=True, slots=True)
class ByCode:
    """A rule that goes by the codes of an exception.

    Attributes:
        codes: Returns the codes of an exception, the most particular one first.
        rules: The rule for each code.
        otherwise: The rule for an exception without any of these codes. None for the rule of no type.
    """

    codes: Callable[[Any], Iterable[Hashable]]
    rules: Mapping[Any, Rule]
    otherwise: Rule | None = None

    def row(self, error: BaseException, said: str) -> Row | None:
        """Return the row for an exception, or None if there is none."""
        found = next((self.rules[code] for code in self.codes(error) if code in self.rules), self.otherwise)
        return None if found is None else found.row(error, said)


@dataclass(frozen=True, slots=True)
class ByText:
    """A rule that goes by the text of an exception. Upper and lower case are the same.

    Attributes:
        signs: The rule for a text that contains a sign. The first that is contained counts.
        otherwise: The rule for any other text. None for the rule of no type.
    """

    signs: Mapping[str, Rule]
    otherwise: Rule | None = None

    def row(self, error: BaseException, said: str) -> Row | None:
        """Return the row for an exception, or None if there is none."""
        lowered = said.lower()
        signs = (rule for sign, rule in self.signs.items() if sign.lower() in lowered)
        found = next(signs, self.otherwise)
        return None if found is None else found.row(error, said)


Rule = Row | ByCode | ByText

NO_ANSWER = Row(Unavailable, "the broker did not answer in time")
CLOSED = Row(Closed, "the connection was closed; connect again")


@dataclass(frozen=True, slots=True)
class ErrorTable:
    """The rules of a backend, by type of exception.

    Attributes:
        rules: The rule for each type, which also holds for types derived from it.
        said: Returns the text of an exception.
    """

    rules: Mapping[type[BaseException], Rule]
    said: Callable[[Any], str] = field(default=str)

    def row(self, error: BaseException) -> Row | None:
        """Return the row for an exception, or None if no rule has one."""
        found = next((self.rules[kind] for kind in type(error).__mro__ if kind in self.rules), None)
        return None if found is None else found.row(error, self._text(error))

    def translate(self, error: BaseException, about: str = "") -> BrokerError:
        """Return an exception as a `BrokerError`, as `translated` does.

        An exception without a row becomes a plain `BrokerError` that names its type.

        Args:
            error: The exception.
            about: What was being done; the message begins with it.
        """
        return translated(error, lambda found: self._made(found, about), about)

    @contextlib.contextmanager
    def translating(self, about: str = "") -> Iterator[None]:
        """Raise any exception of the block as a `BrokerError`. Interrupts pass unchanged.

        Args:
            about: What the block does; the message begins with it.
        """
        with translating(lambda error: self.translate(error, about)):
            yield

    def _made(self, error: BaseException, about: str) -> BrokerError:
        said = self._text(error)
        row = self.row(error)
        if row is None:
            return Row(BrokerError).error(f"{type(error).__name__}: {said}", about)
        return row.error(said, about)

    def _text(self, error: BaseException) -> str:
        return " ".join(self.said(error).split())[:LONGEST_TEXT]


PLAIN = ErrorTable({})
"""A table without rules: every exception becomes a `BrokerError` that names its type."""


def translated(
    error: BaseException, translate: Callable[[BaseException], BrokerError], about: str = ""
) -> BrokerError:
    """Return any exception as a `BrokerError`: one unchanged, another with itself as its ``__cause__``.

    A TimeoutError becomes `Unavailable`.

    Args:
        error: The exception.
        translate: Makes a `BrokerError` of any other exception.
        about: What was being done; the message of a TimeoutError begins with it.
    """
    if isinstance(error, BrokerError):
        return error
    made = NO_ANSWER.error(str(error), about) if isinstance(error, TimeoutError) else translate(error)
    made.__cause__ = error
    return made


@contextlib.contextmanager
def translating(translate: Callable[[BaseException], BrokerError]) -> Iterator[None]:
    """Raise any exception of the block as what `translate` makes of it. Interrupts pass unchanged."""
    try:
        yield
    except BrokerError:
        raise
    except Exception as error:
        raise translated(error, translate) from error
