"""A check, step by step, of why a connection does not work."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from typing import TYPE_CHECKING, Any, Literal

from brokerkit.core.contract.backend import Backend, Facts
from brokerkit.core.runtime import registry
from brokerkit.core.runtime.connection import CONNECT_SECONDS, Connection
from brokerkit.core.vocabulary.address import Address, hidden_target
from brokerkit.core.vocabulary.arguments import check_seconds
from brokerkit.core.vocabulary.errors import (
    BrokerError,
    ConfigError,
    NotFound,
    NotSupported,
    Unauthorized,
    Unavailable,
)
from brokerkit.core.vocabulary.secrets import Secret, Secrets, hidden, revealed
from brokerkit.display.markup import Displayed, block, table
from brokerkit.display.sanitize import LONGEST, plain
from brokerkit.registry import Registry, Subjects, opened
from brokerkit.saved.secret_places import fetch

from .network import speaks_tls
from .private_server import SANDBOX, start_registry, start_sandbox

if TYPE_CHECKING:
    import pandas as pd

DISTRIBUTION = "brokerkit-notebook"
DETAIL = 2 * LONGEST
READ_SECONDS = 5.0
TLS_SECONDS = 2.0
Status = Literal["ok", "failed", "not offered", "not tried"]
MARKS: dict[Status, str] = {"ok": "ok", "failed": "FAILED", "not offered": "-", "not tried": "-"}


@dataclass(frozen=True)
class Step:
    """One step of a diagnosis.

    Attributes:
        name: The name of the step.
        status: "ok", "failed", "not offered" or "not tried".
        detail: The finding, or the text of the error.
        seconds: How long it took.
        error: The error; None if there was none.
        mend: The option that mends it, as ``name=value``; empty if none is known.
    """

    name: str
    status: Status
    detail: str = ""
    seconds: float = 0.0
    error: BaseException | None = None
    mend: str = ""


class Diagnosis(Displayed):
    """The result of `doctor`.

    Attributes:
        steps: The steps in order.
    """

    def __init__(self, steps: list[Step]) -> None:
        self.steps = steps

    @property
    def failed(self) -> Step | None:
        """The step that failed; None if none did."""
        return next((step for step in self.steps if step.status == "failed"), None)

    @property
    def ok(self) -> bool:
        """Whether no step failed."""
        return self.failed is None

    @property
    def frame(self) -> pd.DataFrame:
        """A DataFrame with one row per step and the columns step, status, detail and seconds."""
        import pandas as pd

        columns = ["step", "status", "detail", "seconds"]
        rows = [(step.name, step.status, step.detail, step.seconds) for step in self.steps]
        return pd.DataFrame(rows, columns=columns)

    def _lines(self) -> list[tuple[str, str, str]]:
        return [(MARKS[step.status], plain(step.name), plain(step.detail, DETAIL)) for step in self.steps]

    def __repr__(self) -> str:
        lines = self._lines()
        wide = max(len(name) for _, name, _ in lines)
        return "\n".join(f"{mark:6}  {name:{wide}}  {detail}".rstrip() for mark, name, detail in lines)

    def _repr_html_(self) -> str:
        return block(table(["", "step", "found"], self._lines(), width=DETAIL))


def doctor(
    target: str | None = None,
    *,
    topic: str | None = None,
    timeout: float | None = CONNECT_SECONDS,
    **options: Any,
) -> Diagnosis:
    """Try a connection step by step, and say which step failed and why.

    This changes nothing on the broker, shows no secret, and does not raise if the connection fails.

    Args:
        target: As for `connect`.
        topic: A topic to look into, too.
        timeout: Seconds for each step.
        **options: As for `connect`.

    Returns:
        The steps with their findings.
    """
    # a traceback may show this function's variables
    target, options = hidden_target(target), {name: hidden(name, value) for name, value in options.items()}
    seconds = check_seconds(timeout, "timeout")
    with ExitStack() as stack:
        examination = _Examination(CONNECT_SECONDS if seconds is None else seconds, stack)
        return examination.run(target, topic, options)


def examine(
    target: str | Secret,
    options: dict[str, Any],
    told: Callable[[list[Step]], None],
    *,
    connecting: bool,
    signs_in: bool = False,
) -> Diagnosis:
    """Try a connection as `doctor` does, and tell the steps that are done after each of them.

    Args:
        target: As for `connect`.
        options: As for `connect`.
        told: Called with the steps so far; what it raises ends the diagnosis.
        connecting: Whether to sign in, too. Without it, the steps from there on are not tried.
        signs_in: Whether it is going to be signed in, even if the target has no secret yet.
    """
    with ExitStack() as stack:
        examination = _Examination(CONNECT_SECONDS, stack, signs_in=signs_in)
        return examination.run(target, None, options, told=told, last=None if connecting else "network")


class _Examination:
    """One run of `doctor`. Each step returns its finding; the first that raises ends the run."""

    def __init__(self, timeout: float, stack: ExitStack, *, signs_in: bool = False) -> None:
        self._timeout = timeout
        self._signs_in = signs_in
        self._mend = ""
        self._stack = stack
        self._secrets = Secrets()
        self._address: Address
        self._backend: Backend
        self._facts: Facts
        self._connection: Connection
        self._schemas: Registry | None = None

    def run(
        self,
        target: str | Secret | None,
        topic: str | None,
        options: dict[str, Any],
        *,
        told: Callable[[list[Step]], None] | None = None,
        last: str | None = None,
    ) -> Diagnosis:
        steps: list[tuple[str, Callable[[], str]]] = [
            ("address", lambda: self._resolve(target, options)),
            ("client library", self._load),
            ("network", self._reach),
            ("connect", self._connect),
            ("list topics", self._list),
            ("a confirmation", lambda: self._connection.capabilities.durability),
        ]
        if topic is not None:
            steps += [
                (f"describe {topic}", lambda: self._describe(topic)),
                (f"read {topic}", lambda: self._read(topic)),
            ]
        done: list[Step] = []
        for name, attempt in steps:
            if any(step.status == "failed" for step in done) or (done and done[-1].name == last):
                last = name
                done.append(Step(name, "not tried"))
            else:
                done.append(self._step(name, attempt))
            if told is not None:
                told(done)
        if self._schemas is not None:
            # it is another server, which may answer where the broker does not
            done.append(self._step("schema registry", self._list_subjects, explained=str))
        return Diagnosis(done)

    def _step(
        self, name: str, attempt: Callable[[], str], explained: Callable[[Exception], str] | None = None
    ) -> Step:
        begin = time.monotonic()
        error: BaseException | None = None
        status: Status = "ok"
        self._mend = ""
        try:
            detail = attempt()
        except NotSupported as refused:
            status, detail = "not offered", str(refused)
        except Exception as problem:
            # any exception of a client library is a finding here
            error = self._secrets.clear(problem)
            status, detail = "failed", (explained or _explained)(problem)
        took = time.monotonic() - begin
        return Step(name, status, self._secrets.mask(detail), took, error, self._mend)

    def _resolve(self, target: str | Secret | None, options: dict[str, Any]) -> str:
        if target is not None and revealed(target).startswith(SANDBOX):
            server, options = start_sandbox(revealed(target), options)
            self._stack.callback(server.close)
            target = server.address
        private, self._address = start_registry(registry.address_of(target, options, fetch))
        if private is not None:
            self._stack.callback(private.close)
        self._secrets = self._address.secrets
        self._schemas = opened(self._address)
        return str(self._address)

    def _load(self) -> str:
        self._backend = registry.backend(self._address.scheme)
        self._facts = registry.facts_of(self._backend)
        return ", ".join(_versions(self._facts.extra)) or "none needed"

    def _reach(self) -> str:
        default = self._facts.default_ports.get(self._address.scheme)
        hosts = [_host_and_port(host, default) for host in self._address.hosts]
        named = [(host, port) for host, port in hosts if port is not None]
        if not named:
            raise NotSupported("the address has no host and port to check before connecting")
        found: list[str] = []
        reached: tuple[str, int] | None = None
        for host, port in named:
            problem = _probe(host, port, self._timeout)
            reached = reached or ((host, port) if problem is None else None)
            found.append(f"{host}:{port} {'answers' if problem is None else problem}")
        if reached is None:
            raise Unavailable("; ".join(found))
        self._refuse_plain_text(*reached)
        return "; ".join(found)

    def _refuse_plain_text(self, host: str, port: int) -> None:
        """Raise Unavailable where the server speaks TLS and the client would not: it would wait in vain."""
        find, address = self._facts.tls_option, self._address
        signs_in = self._signs_in or address.user is not None
        mend = None if find is None else find(address, signs_in)
        if mend is not None and speaks_tls(host, port, min(TLS_SECONDS, self._timeout)):
            self._mend = mend
            raise Unavailable(
                f"{host}:{port} answers: it speaks TLS, and this address does not: add {mend} as an option, "
                f"or ?{mend} behind the address"
            )

    def _connect(self) -> str:
        begin = time.monotonic()
        self._connection = Connection(self._address, timeout=self._timeout)
        self._stack.callback(self._connection.close)
        return f"in {1000 * (time.monotonic() - begin):,.0f} ms"

    def _list(self) -> str:
        topics = self._connection.inspector().topics(timeout=self._timeout)
        ours = [info for info in topics if not info.internal]
        return f"{len(ours):,} topics"

    def _list_subjects(self) -> str:
        assert self._schemas is not None
        subjects = Subjects(self._schemas.client)
        try:
            return f"{self._schemas.name} answers: {len(subjects.names()):,} subjects"
        except NotFound:
            self._schemas.client.refuse_if_no_registry()
            raise

    def _describe(self, topic: str) -> str:
        described = self._connection.inspector().describe(topic, timeout=self._timeout)
        found = f"{len(described.subscriptions)} subscriptions"
        if described.messages is not None:
            found = f"{described.messages:,} messages, {len(described.partitions)} partitions, {found}"
        about = {"a confirmation": "confirmation", "the reader": "reader"}
        given = [(text, described.details[name]) for text, name in about.items() if name in described.details]
        return "; ".join([found, *(f"{text}: {detail}" for text, detail in given)])

    def _read(self, topic: str) -> str:
        inspector = self._connection.inspector()
        slices = inspector.plan(topic, limit=1, timeout=self._timeout)
        for slice_ in slices:
            for columns in inspector.read(slice_, stall=min(READ_SECONDS, self._timeout)):
                if columns.length:
                    return "one message, without side effects"
        return "it is empty"


def _explained(error: Exception) -> str:
    """Return the text of an error, with a suggestion for its kind."""
    said = str(error) or type(error).__name__
    if isinstance(error, Unauthorized):
        return f"{said}. The broker answers: check the user, password, token or certificate, and its rights"
    if isinstance(error, Unavailable) and "TLS" not in said.upper():
        return f"{said}. Is the broker running there, and does it want TLS or plain text?"
    if isinstance(error, ConfigError | BrokerError):
        return said
    return f"{type(error).__name__}: {said}"


def _versions(extra: str | None) -> list[str]:
    """Return the client libraries that an extra installs, with their versions."""
    try:
        lines = requires(DISTRIBUTION) or []
    except PackageNotFoundError:
        return []
    named = [
        match[1]
        for line in lines
        if re.search(rf"extra == ['\"]{extra}['\"]", line) and (match := re.match(r"([A-Za-z0-9._-]+)", line))
    ]
    found = []
    for name in named:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} is not installed")
    return found


def _host_and_port(text: str, default: int | None) -> tuple[str, int | None]:
    host, colon, port = text.rpartition(":")
    if colon and port.isdigit():
        return host.strip("[]"), int(port)
    return text.strip("[]"), default


def _probe(host: str, port: int, timeout: float) -> str | None:
    """Open a TCP connection and close it. Return the problem as text, or None."""
    try:
        socket.create_connection((host, port), timeout).close()
    except socket.gaierror:
        return "cannot be resolved to an address: check the spelling, the VPN and the DNS"
    except ConnectionRefusedError:
        return "refuses connections: nothing listens on that port"
    except TimeoutError:
        return f"did not answer within {timeout:g} s: a firewall or the wrong address"
    except OSError as error:
        return f"cannot be reached: {error.strerror or error}"
    return None
