"""The tables by which backends turn the exceptions of client libraries into errors of brokerkit."""

from __future__ import annotations

import pytest

from brokerkit.core import BrokerError, ConfigError, NotFound, TooLarge, Unauthorized, Unavailable
from brokerkit.core.contract.error_table import ByCode, ByText, ErrorTable, Row, translating


class Failure(Exception):
    """An exception of a client library, with a code."""

    def __init__(self, code: int, said: str = "said") -> None:
        super().__init__(said)
        self.code = code


class Gone(Failure):
    """A more particular one."""


TABLE = ErrorTable(
    {
        Gone: Row(NotFound, "it is gone", hint="look elsewhere"),
        Failure: ByCode(
            lambda error: [error.code, error.code // 100],
            {
                401: Row(Unauthorized, "not permitted"),
                413: ByText({"Too Large": Row(TooLarge, "too much")}, otherwise=Row(ConfigError)),
                5: Row(Unavailable, "it failed", retryable=False),
            },
            otherwise=Row(BrokerError, "it said"),
        ),
        RuntimeError: ByText({"closed": Row(ConfigError, "closed")}),
        OSError: Row(Unavailable, "no connection"),
    }
)


@pytest.mark.parametrize(
    ("error", "kind", "text", "retryable"),
    [
        (Gone(1), NotFound, "doing: it is gone (said) (look elsewhere)", False),
        (Failure(401), Unauthorized, "doing: not permitted (said)", False),
        (Failure(413, "far too large"), TooLarge, "doing: too much (far too large)", False),
        (Failure(413), ConfigError, "doing: said", False),
        (Failure(503), Unavailable, "doing: it failed (said)", False),
        (Failure(418), BrokerError, "doing: it said (said)", False),
        (Failure(401, ""), Unauthorized, "doing: not permitted", False),
        (RuntimeError("it was closed"), ConfigError, "doing: closed (it was closed)", False),
        (RuntimeError("other"), BrokerError, "doing: RuntimeError: other", False),
        (ConnectionResetError("reset"), Unavailable, "doing: no connection (reset)", True),
        (TimeoutError("late"), Unavailable, "doing: the broker did not answer in time (late)", True),
        (KeyError("x"), BrokerError, "doing: KeyError: 'x'", False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_an_exception_becomes_what_the_table_says(
    error: BaseException, kind: type[BrokerError], text: str, retryable: bool
) -> None:
    made = TABLE.translate(error, "doing")
    assert (type(made), str(made), made.retryable) == (kind, text, retryable)
    assert made.__cause__ is error


def test_an_error_of_brokerkit_stays_as_it_is() -> None:
    error = TooLarge("too much")
    assert TABLE.translate(error, "doing") is error
    assert error.__cause__ is None


def test_a_long_text_is_cut_and_made_one_line() -> None:
    made = TABLE.translate(Failure(401, "line\n" * 1000))
    assert "\n" not in str(made)
    assert len(str(made)) < 1100


def test_a_block_raises_what_the_table_says_and_lets_interrupts_pass() -> None:
    with pytest.raises(NotFound, match="doing: it is gone") as caught, TABLE.translating("doing"):
        raise Gone(1)
    assert isinstance(caught.value.__cause__, Gone)
    own = TooLarge("x")
    with pytest.raises(TooLarge) as kept, translating(TABLE.translate):
        raise own
    assert kept.value is own
    assert own.__cause__ is None
    with pytest.raises(KeyboardInterrupt), TABLE.translating():
        raise KeyboardInterrupt
