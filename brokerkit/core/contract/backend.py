"""Backends: what the portable half finds behind a URL scheme."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ..vocabulary.address import Address
from ..vocabulary.capabilities import Capabilities
from ..vocabulary.secrets import Secret
from .driver import Driver


def _nothing_to_load() -> None:
    """Load nothing: the backend needs no client library."""


def _unknown(target: Secret) -> Address | None:
    """Return None: the backend has no targets but URLs."""


@dataclass(frozen=True)
class Facts:
    """What a backend says about its system without the client library.

    Attributes:
        title: The name of the system as people write it. Empty: forms do not offer it.
        example: What its address looks like, behind the scheme.
        extra: The extra of brokerkit-notebook that installs the client library. None if there is none.
        default_ports: The port of a host without one, by URL scheme.
        load: Imports the client library, and raises ModuleNotFoundError if it is not installed. Called before
            the time of a connection begins to count.
        secret: The option that holds the secret of a connection as a whole. None: it is the password of the
            URL's user, or a token.
        configurations: Reads configurations of the system's other tools, by the word before the colon of a
            target (``kind:name``). Each returns the address, or raises ConfigError where no variable of a
            traceback holds a secret.
        recognize: Returns the address in a target that is not a URL, such as a connection string, and None if
            it is none of this system's. It must not raise: a traceback would show the secrets of the target.
        tls_option: Returns the option, as ``name=value``, with which the client speaks TLS to an address, and
            whether it signs in; None where it does already, and where there is no such option.
    """

    extra: str | None = None
    default_ports: Mapping[str, int] = field(default_factory=dict)
    load: Callable[[], object] = _nothing_to_load
    secret: str | None = None
    configurations: Mapping[str, Callable[[str], Address]] = field(default_factory=dict)
    recognize: Callable[[Secret], Address | None] = _unknown
    title: str = ""
    example: str = ""
    tls_option: Callable[[Address, bool], str | None] | None = None


class Backend(Protocol):
    """A backend: the module or object that an entry point of the group ``brokerkit.backends`` names.

    The name of the entry point is the URL scheme. A backend may also have `facts`, which are `Facts`. It can
    then be imported without its client library, and imports its driver in `open`.
    """

    @property
    def capabilities(self) -> Capabilities:
        """The capabilities of the system."""
        ...

    def open(self, address: Address, timeout: float) -> Driver:
        """Check the address and its options, and connect.

        Called once by the thread of the new connection, followed by `Driver.ping`. The caller waits for a
        second longer than `timeout` for both; a driver that comes later is closed. There is no driver yet
        that could translate: raise only instances of `BrokerError`.

        The password, and every option whose name or content says that it is a secret, is a `Secret`: keep it
        as one, and call `reveal` (or `secrets.revealed` on a mapping) only in the call that passes it on.

        Raises:
            ConfigError: The address or an option cannot be used.
            Unavailable: The broker did not answer.
            Unauthorized: The broker refused the credentials.
        """
        ...
