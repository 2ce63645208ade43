"""What the command line prints: frames in several formats, errors, and the exit code."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import click

from ..core.vocabulary.connection_flags import NOT_ALLOWED
from ..core.vocabulary.errors import (
    BrokerError,
    ConfigError,
    NotFound,
    NotSupported,
    StorageError,
    Unauthorized,
    Unavailable,
)
from ..core.vocabulary.results import PublishFailed
from ..display.sanitize import plain as one_line
from ..display.sanitize import plain_lines

if TYPE_CHECKING:
    import pandas as pd

Format = Literal["table", "jsonl", "csv", "parquet"]
FORMATS: tuple[Format, ...] = ("table", "jsonl", "csv", "parquet")
CELL = 60
"""At most so many characters of a value in a table."""

CODES: tuple[tuple[type[BaseException], int], ...] = (
    (ConfigError, 2),
    (NotFound, 3),
    (Unauthorized, 4),
    (Unavailable, 5),
    (NotSupported, 6),
    (PublishFailed, 7),
    (BrokerError, 1),
)
NOT_FOUND = 3
NOT_ALL = 7
DIFFERENT = 8
INTERRUPTED = 130
BROKEN_PIPE = 141
MEANINGS = """\b
A password in a URL or an option stays in the history of the shell, and other
users of the machine see it: save the connection ("brokerkit connections"), or
set the variable of the option (BROKERKIT_SYSTEM_OPTION).

\b
Exit codes:
  0    done
  1    any other error, of the broker or of writing the output; doctor: a step failed
  2    wrong usage, option or address
  3    there is no such topic or subscription; watch: no message came
  4    the broker refused the credentials
  5    the broker did not answer
  6    the system or the session does not allow it
  7    not all was done: messages not stored, moved or removed; lag: not below --until
  8    diff: something differs
  130  interrupted by Ctrl-C
  141  the reader of the output went away"""


def show_frame(frame: pd.DataFrame, form: Format, *, header: bool = True) -> None:
    """Print a frame. Tables are for people: cells are cut, and control characters are escaped."""
    if form == "parquet":
        _parquet(frame)
        return
    from ..frames import plain

    if form == "jsonl":
        text = plain(frame, "json").to_json(orient="records", lines=True, force_ascii=False)
        _write_text(text.strip("\n") + "\n" if len(frame) else "")
    elif form == "csv":
        _write_text(plain(frame, "csv").to_csv(index=False, header=header))
    else:
        _table(frame, header)


def show_outcome(outcome: pd.DataFrame, done: str, topic: str, form: Format) -> None:
    """Tell how many messages were confirmed, and print the outcomes of the others, with an exit code.

    Args:
        outcome: The outcomes of messages.
        done: What was done with them, such as "copied".
        topic: Where they went.
        form: The format of the outcomes.
    """
    stored = outcome["status"].isin(["confirmed", "duplicate"])
    tell(f"{done} {int(stored.sum()):,} of {len(outcome):,} messages to {topic}")
    if not stored.all():
        show_frame(outcome[~stored], form)
        raise SystemExit(NOT_ALL)


def _write_text(text: str) -> None:
    _write(text.encode(sys.stdout.encoding, "backslashreplace"))


def _write(data: bytes) -> None:
    with _writing():
        sys.stdout.flush()
        rest = memoryview(data)
        # an unbuffered output (python -u) takes a part where the reader goes away, and raises at the next
        while rest:
            rest = rest[sys.stdout.buffer.write(rest) :]
        sys.stdout.flush()


@contextmanager
def _writing() -> Iterator[None]:
    """Turn what the system says of the output into StorageError, but for a reader that went away."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        # the interpreter would try to write the rest at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise StorageError.of("the output", error, "It is not complete: run the command again") from error


def _parquet(frame: pd.DataFrame) -> None:
    if sys.stdout.isatty():
        raise ConfigError("Parquet is not text: write it to a file (> rows.parquet)")
    import pyarrow as pa
    import pyarrow.parquet as pq

    # written at once: a file in this format begins to be readable at its end
    texts = {str(name): column.map(_as_text) for name, column in frame.items() if column.dtype == object}
    table = pa.Table.from_pandas(frame.assign(**texts), preserve_index=False)
    buffer = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata(None), buffer)
    _write(buffer.getvalue().to_pybytes())


def _as_text(value: Any) -> Any:
    """Return JSON for a mapping: Arrow makes a column of each name, and no file holds one without names."""
    return json.dumps(value, default=str) if isinstance(value, dict) else value


def _table(frame: pd.DataFrame, header: bool) -> None:
    rows = [[_cell(value) for value in row] for row in frame.itertuples(index=False, name=None)]
    lines = [*([[str(name) for name in frame.columns]] if header else []), *rows]
    widths = [max((len(line[column]) for line in lines), default=0) for column in range(len(frame.columns))]
    room = shutil.get_terminal_size((10_000, 24)).columns if sys.stdout.isatty() else 10_000
    shown = (
        "  ".join(value.ljust(width) for value, width in zip(line, widths, strict=True)).rstrip()[:room]
        for line in lines
    )
    _write_text("".join(f"{line}\n" for line in shown))


def _cell(value: Any) -> str:
    missing = value is None or (isinstance(value, float) and value != value) or str(value) in ("<NA>", "NaT")
    return "" if missing else one_line(str(value), CELL)


def tell(text: str) -> None:
    """Print a remark, where it does not mix with the rows."""
    click.echo(plain_lines(text), err=True)


@contextmanager
def exiting() -> Iterator[None]:
    """End the process with the code of an error, and its text instead of a traceback."""
    try:
        yield
        with _writing():
            sys.stdout.flush()
    except BrokenPipeError:
        # nothing more can be written, and the interpreter would try at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(BROKEN_PIPE) from None
    except click.exceptions.Exit as end:
        raise SystemExit(end.exit_code) from None
    except (KeyboardInterrupt, click.Abort) as interrupt:
        tell(f"interrupted: {interrupt}" if str(interrupt) else "interrupted")
        raise SystemExit(INTERRUPTED) from None
    except click.ClickException as error:
        error.show()
        raise SystemExit(error.exit_code) from None
    except (BrokerError, TypeError, ValueError) as error:
        text = str(getattr(error, "in_shell", error)).replace(NOT_ALLOWED, "without --allow-changes")
        tell(f"error: {text}")
        code = next((code for kind, code in CODES if isinstance(error, kind)), 2)
        raise SystemExit(code) from None
