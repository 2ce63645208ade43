"""An old name works until the version that it says, and warns at the line that uses it."""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
import sys
import types
import warnings

import pytest

import brokerkit
from brokerkit.core.vocabulary import deprecation
from brokerkit.core.vocabulary.deprecation import deprecated, renamed_argument, renamed_names
from brokerkit.core.vocabulary.errors import ConfigError, NotFound


@pytest.fixture(autouse=True)
def own_declarations(monkeypatch):
    monkeypatch.setattr(deprecation, "declared", [])


def version(text):
    return tuple(int(part) for part in text.split("."))


def test_an_old_function_works_and_says_since_when_until_when_and_what_to_use():
    @deprecated(since="0.2", until="0.4", use="Session.pull")
    def take(count, *, wait=1):
        """Take messages."""
        return count, wait

    told = r"take\(\) is deprecated since brokerkit 0\.2 and goes in 0\.4; use Session\.pull$"
    with pytest.warns(DeprecationWarning, match=told) as caught:
        assert take(3, wait=2) == (3, 2)
    assert caught[0].filename == __file__
    assert take.__doc__ == "Take messages."


def test_an_old_argument_is_passed_on_by_its_new_name():
    @renamed_argument("wait", "timeout", since="0.2", until="0.4")
    def pull(topic, *, timeout=None):
        return topic, timeout

    with pytest.warns(DeprecationWarning, match=r"wait= of .*pull\(\) .* use timeout=$") as caught:
        assert pull("orders", wait=5) == ("orders", 5)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pull("orders", timeout=5) == ("orders", 5)


def test_an_old_argument_beside_the_new_one_is_refused():
    @renamed_argument("wait", "timeout", since="0.2", until="0.4")
    def pull(*, timeout=None):
        return timeout

    with pytest.raises(ConfigError, match="give timeout= alone"):
        pull(wait=5, timeout=6)


def test_an_old_name_of_a_module_is_the_new_object(monkeypatch):
    module = types.ModuleType("old_home")
    place = {"Missing": "brokerkit.core.vocabulary.errors:NotFound"}
    module.__getattr__ = renamed_names("old_home", place, since="0.2", until="0.4")
    monkeypatch.setitem(sys.modules, "old_home", module)
    with pytest.warns(
        DeprecationWarning, match=r"use brokerkit\.core\.vocabulary\.errors\.NotFound"
    ) as caught:
        from old_home import Missing
    assert Missing is NotFound
    assert caught[0].filename == __file__
    with pytest.raises(AttributeError, match="'old_home' has no attribute 'Other'"):
        module.Other  # noqa: B018


def test_nothing_is_kept_past_the_version_that_was_announced(monkeypatch):
    monkeypatch.undo()
    for found in pkgutil.walk_packages(brokerkit.__path__, "brokerkit."):
        # a client library may be missing here
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module(found.name)
    now = version(brokerkit.__version__)
    overdue = [str(each) for each in deprecation.declared if version(each.until) <= now]
    assert not overdue, "remove what was announced to go"
    for each in deprecation.declared:
        (major, minor), since = version(each.until)[:2], version(each.since)
        assert (major, minor) >= (since[0], since[1] + 2), f"{each}: two minor versions at least"
