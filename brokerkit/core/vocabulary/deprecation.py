"""Old names that go on working for a while, with a `DeprecationWarning` that says what to use.

A function::

    @deprecated(since="0.2", until="0.4", use="Session.pull")
    def take(...): ...

An argument, and a name of a module, or a whole module::

    @renamed_argument("wait", "timeout", since="0.2", until="0.4")
    def pull(topic, *, timeout=None): ...

    __getattr__ = renamed_names(__name__, {"Taker": "brokerkit.session:Batch"}, since="0.2", until="0.4")

`until` is the first version without the old name. A test fails when that version is reached.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, NamedTuple, ParamSpec, TypeVar

from .errors import ConfigError

P = ParamSpec("P")
T = TypeVar("T")


class Deprecation(NamedTuple):
    """An old name: since and until which version it works, and what replaces it."""

    name: str
    since: str
    until: str
    use: str

    def __str__(self) -> str:
        return (
            f"{self.name} is deprecated since brokerkit {self.since} and goes in {self.until}; use {self.use}"
        )

    def warn(self) -> None:
        """Warn at the line of the caller's caller."""
        warnings.warn(str(self), DeprecationWarning, stacklevel=3)


declared: list[Deprecation] = []
"""Every deprecation of the modules loaded so far."""


def _declare(name: str, since: str, until: str, use: str) -> Deprecation:
    made = Deprecation(name, since, until, use)
    declared.append(made)
    return made


def deprecated(*, since: str, until: str, use: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Return a decorator for a function that another one replaces.

    Args:
        since: The version that deprecates it.
        until: The first version without it.
        use: What to use instead.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        notice = _declare(f"{function.__qualname__}()", since, until, use)

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            notice.warn()
            return function(*args, **kwargs)

        return call

    return decorate


def renamed_argument(
    old: str, new: str, *, since: str, until: str
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Return a decorator for a function whose keyword argument `old` is now called `new`.

    Raises:
        ConfigError: When called: both names were given.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        notice = _declare(f"{old}= of {function.__qualname__}()", since, until, f"{new}=")

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            if old in kwargs:
                if new in kwargs:
                    raise ConfigError(f"{old}= is the old name of {new}=; give {new}= alone")
                notice.warn()
                kwargs[new] = kwargs.pop(old)
            return function(*args, **kwargs)

        return call

    return decorate


def renamed_names(module: str, names: Mapping[str, str], *, since: str, until: str) -> Callable[[str], Any]:
    """Return a `__getattr__` for a module that had other names, or that moved.

    Args:
        module: `__name__` of the module.
        names: Each old name with its new place, as ``"package.module:name"``.
        since: The version that deprecates the names.
        until: The first version without them.
    """
    notices = {
        old: _declare(f"{module}.{old}", since, until, place.replace(":", "."))
        for old, place in names.items()
    }

    def look_up(name: str) -> Any:
        if name not in notices:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        notices[name].warn()
        home, _, found = names[name].partition(":")
        return getattr(import_module(home), found)

    return look_up
