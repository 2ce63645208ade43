"""The options that backends declare: which are known, how values are checked, and what errors say."""

from __future__ import annotations

from datetime import timedelta
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brokerkit.core import ConfigError
from brokerkit.core.contract.options import (
    COUNT,
    NO_OPTIONS,
    POSITIVE_SECONDS,
    SECONDS,
    WHOLE,
    Kind,
    Option,
    OptionTable,
    choice,
    file,
    flag,
    labels,
    mapping,
    secret,
    text,
    texts,
    whole,
)
from brokerkit.core.vocabulary.secrets import Secret

TABLE = OptionTable(
    {
        "prefetch": Option(COUNT, "messages held ready", 20_000),
        "wait": Option(SECONDS, "seconds to wait", none=inf),
        "name_of": Option(text, "a name"),
    }
)


def test_an_option_that_is_not_given_has_its_default() -> None:
    assert TABLE.read({}) == {"prefetch": 20_000, "wait": None, "name_of": None}
    assert TABLE.read({"prefetch": None, "wait": None}) == {"prefetch": 20_000, "wait": inf, "name_of": None}
    assert TABLE.read({"name_of": ""})["name_of"] is None


def test_an_unknown_option_is_refused_with_the_known_ones_and_their_defaults() -> None:
    with pytest.raises(ConfigError) as caught:
        TABLE.read({"colour": 1, "prefetch": 2})
    assert str(caught.value) == (
        "unknown option 'colour'; known are name_of: a name; prefetch: messages held ready (default 20,000); "
        "wait: seconds to wait"
    )
    with pytest.raises(ConfigError, match="unknown option 'a', 'b'; known are none"):
        NO_OPTIONS.read({"b": 1, "a": 2})


def test_a_value_that_was_hidden_until_its_name_was_known_is_taken_as_it_is() -> None:
    table = OptionTable({"kind": Option(choice("a", "b"), "a or b"), "many": Option(whole(), "a number")})
    given = table.read({"kind": Secret("b"), "many": Secret("7")})
    assert given == {"kind": "b", "many": 7}


def test_a_text_with_a_password_in_it_is_refused_without_showing_it() -> None:
    with pytest.raises(ConfigError, match="host must have no password in it") as caught:
        OptionTable({"host": Option(text, "a host")}).read({"host": Secret("http://u:hunter2@h")})
    assert "hunter2" not in str(caught.value)


def test_a_dot_stands_for_an_underscore_and_the_exact_name_wins() -> None:
    assert TABLE.read({"name.of": "x"})["name_of"] == "x"
    assert TABLE.read({"name.of": "x", "name_of": "y"})["name_of"] == "y"


@pytest.mark.parametrize(
    ("kind", "given", "value"),
    [
        (WHOLE, "-5", -5),
        (WHOLE, np.int32(7), 7),
        (COUNT, "200", 200),
        (SECONDS, "1.5", 1.5),
        (SECONDS, timedelta(minutes=1), 60.0),
        (SECONDS, 0, 0.0),
        (flag, "yes", True),
        (flag, "false", False),
        (choice("key_shared", "shared"), "Key-Shared", "key_shared"),
        (text, Secret("x"), "x"),
        (texts, ["a", "b"], ("a", "b")),
        (mapping, {"a": 1}, {"a": 1}),
        (labels, {"a": "b"}, {"a": "b"}),
        (secret, "x", Secret("x")),
        (secret, "", None),
    ],
)
def test_a_value_is_taken_as_users_and_urls_write_it(kind: Kind, given: Any, value: Any) -> None:
    assert kind("it", given) == value


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        (WHOLE, 1.5, "it must be a whole number, not 1.5"),
        (WHOLE, True, "it must be a whole number, not True"),
        (whole(least=-1, most=3), 4, "it must be a whole number of at least -1 and at most 3, not 4"),
        (COUNT, 0, "it must be a positive integer, not 0"),
        (COUNT, "many", "it must be a positive integer, not 'many'"),
        (WHOLE, 2**70, "it must be an integer from -2**63 to 2**63 - 1, not one of 71 bits"),
        (SECONDS, -1, "it must be a number of seconds, not negative, not -1"),
        (SECONDS, "soon", "it must be a number of seconds, not negative, not 'soon'"),
        (SECONDS, float("nan"), "it must be a number of seconds, not negative, not nan"),
        (POSITIVE_SECONDS, 0, "it must be a number of seconds, above 0, not 0"),
        (flag, "perhaps", "it must be true or false, not 'perhaps'"),
        (choice("file", "memory"), "disk", "it must be 'file' or 'memory', not 'disk'"),
        (choice("a", "b", "c"), 5, "it must be 'a', 'b' or 'c', not 5"),
        (text, 5, "it must be a string, not 5"),
        (texts, "a", "it must be a list of strings, not 'a'"),
        (texts, [1], r"it must be a list of strings, not [1]"),
        (mapping, [1], "it must be a mapping (a dict), not [1]"),
        (labels, {"a": 1}, "it must be a mapping of strings to strings, not {'a': 1}"),
        (file("a key"), "/nowhere/x", "it names a file that does not exist; expected a key"),
        (file(), 5, "it must be the path of a file, not 5"),
    ],
)
def test_an_error_says_what_was_expected(kind: Kind, given: Any, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        kind("it", given)
    assert str(caught.value) == said


def test_a_file_that_is_there_is_taken_as_a_path_or_as_a_text(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("x")
    assert file()("ca", path) == file()("ca", Secret(str(path))) == str(path)


@pytest.mark.parametrize("kind", [WHOLE, SECONDS, flag, choice("a", "b"), texts, mapping, file()])
def test_an_error_shows_no_secret(kind: Kind) -> None:
    with pytest.raises(ConfigError) as caught:
        kind("it", Secret("hunter2"))
    assert "hunter2" not in str(caught.value)
