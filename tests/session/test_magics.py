"""The magics in a real IPython shell: each does what the method does that it stands for."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.workbench import Session

pytest.importorskip("IPython")

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell


@pytest.fixture
def shell(s: Session) -> Iterator[InteractiveShell]:
    # with a cache of results, each reset collects all garbage
    made = InteractiveShell(cache_size=0)
    made.history_manager.enabled = False
    made.user_ns["s"] = s
    made.run_line_magic("load_ext", "brokerkit")
    s.create_topic("orders")
    yield made
    made.reset(new_session=False)


def run(shell: InteractiveShell, cell: str) -> Any:
    result = shell.run_cell(cell)
    result.raise_error()
    return result.result


@pytest.mark.extended
def test_a_peek_hides_what_it_is_told_and_shows_what_the_connection_hides(shell: InteractiveShell) -> None:
    name = f"inmem://{uuid.uuid4().hex}"
    shell.user_ns["s"] = plain = bk.connect(name)
    shell.user_ns["m"] = masked = bk.connect(name, mask="email")
    shell.user_ns["locked"] = locked = bk.connect(name, mask=bk.Mask("email", locked=True))
    plain.create_topic("orders")
    plain.publish("orders", '{"id":7,"email":"a@example.com","note":"x"}')
    shown = run(shell, "%peek orders --mask 'note; email' -s s")["value"][0]
    assert shown == '{"id":7,"email":"***","note":"***"}'
    assert run(shell, "%peek orders -s m --mask note")["value"][0] == shown
    assert "a@example.com" in run(shell, "%peek orders -s m --unmask")["value"][0]
    with pytest.raises(bk.NotSupported, match="locked"):
        run(shell, "%peek orders -s locked --unmask")
    for each in (plain, masked, locked):
        each.close()


def test_nothing_is_loaded_before_it_is_asked_for() -> None:
    shell = InteractiveShell(cache_size=0)
    assert not {"topics", "peek"} & set(shell.magics_manager.magics["line"])


def test_topics_and_peek_give_the_frames_of_the_methods(shell: InteractiveShell, s: Session) -> None:
    s.publish_batch("orders", [{"id": number} for number in range(10)])
    pd.testing.assert_frame_equal(run(shell, "%topics"), s.topics())
    pd.testing.assert_frame_equal(run(shell, "%peek orders 3"), s.peek("orders", 3))
    found = run(shell, "%peek orders 2 --start=-5 --where id --expand")
    assert found["value.id"].tolist() == [5, 6]
    s.create_topic("two words")
    assert run(shell, "%peek 'two words'").empty
    assert run(shell, "df = %peek orders --start 8 --end 9\ndf")["value"].tolist() == ['{"id":8}']


def test_publish_sends_the_cell_as_it_is(shell: InteractiveShell, s: Session) -> None:
    outcome = run(
        shell,
        '%%publish orders --key c1 --attribute source=web --attribute "a b=c=d"\n{"id": 1,\n "x": "{y}"}\n',
    )
    assert outcome.ok
    sent = s.peek("orders")
    assert sent["value"].tolist() == ['{"id": 1,\n "x": "{y}"}']
    assert sent["key"].tolist() == ["c1"]
    assert bk.attr(sent, "a b").tolist() == ["c=d"]


def test_lines_are_messages_of_their_own(shell: InteractiveShell, s: Session) -> None:
    run(shell, '%%publish orders --lines\n{"id": 1}\n\n{"id": 2}\n')
    assert s.peek("orders")["value"].tolist() == ['{"id": 1}', '{"id": 2}']
    with pytest.raises(UsageError, match="leave --key"):
        run(shell, "%%publish orders --lines --key k\nx")


def test_the_session_is_named_or_s_or_the_only_one(shell: InteractiveShell, s: Session) -> None:
    with bk.connect("inmem://") as other:
        shell.user_ns["other"] = other
        assert run(shell, "%topics -s other").empty
        assert len(run(shell, "%topics")) == 1
        del shell.user_ns["s"]
        assert run(shell, "%topics").empty
        with pytest.raises(UsageError, match="ghost is not a session"):
            run(shell, "%topics -s ghost")


@pytest.mark.extended
def test_an_error_of_the_method_is_raised(shell: InteractiveShell) -> None:
    with pytest.raises(bk.NotFound):
        run(shell, "%peek nope")
    with pytest.raises(UsageError, match="NAME=VALUE"):
        run(shell, "%%publish orders --attribute x\ny")
