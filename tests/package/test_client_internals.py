"""The private members of the client libraries that the backends use: all in one room of each backend."""

from __future__ import annotations

import ast
import inspect
import re
import tomllib
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

import brokerkit

BACKENDS = Path(brokerkit.__file__).parent / "backends"
PROJECT = Path(__file__).parents[2] / "pyproject.toml"
ROOM = "client_internals.py"
LIBRARIES = {
    "jetstream": "nats-py",
    "kafka": "confluent-kafka",
    "pubsub": "google-cloud-pubsub",
    "pulsar": "pulsar-client",
    "servicebus": "azure-servicebus",
}
DOCUMENTED = re.compile(r"KafkaError\._[A-Z_]+")
"""The local errors of librdkafka, whose names begin with an underscore although they are public."""
OWN: dict[str, set[str]] = {
    "jetstream": {"_client", "_portion", "_whole_messages"},
    "pulsar": set(),
    "servicebus": set(),
}
"""Attributes that the subclasses in a room add themselves."""
MEMBERS: dict[str, dict[str, tuple[str, ...]]] = {
    "jetstream": {
        "nats.aio.client.Client": (
            "_process_info",
            "_connect_command",
            "_parse_header_lines",
            "_process_msg",
            "_process_headers",
            "_transport",
            "_ps",
        ),
        "nats.protocol.parser.Parser": ("parse", "buf", "state", "needed"),
        "nats.aio.subscription.Subscription": ("_id",),
        "nats.aio.transport.TcpTransport": ("_io_writer",),
        "asyncio.StreamReaderProtocol": ("_over_ssl",),
    },
    "pulsar": {
        "pulsar.schema.Schema": ("_schema_info",),
        "pulsar.Reader": ("_reader",),
        "pulsar.Producer": ("_producer",),
        "_pulsar.Reader": ("read_next",),
        "_pulsar.Producer": ("send_async",),
        "_pulsar.MessageBuilder": ("build", "content", "partition_key", "set_null_value"),
        "_pulsar.SchemaInfo": (),
    },
    "servicebus": {
        "azure.servicebus.ServiceBusReceiver": (
            "_amqp_transport",
            "_config",
            "_create_handler",
            "_do_retryable_operation",
            "_error_policy",
            "_handler",
            "_mgmt_request_response",
            "_name",
            "_open",
            "_properties",
            "_renew_locks",
            "_running",
            "_session",
        ),
        "azure.servicebus.ServiceBusSender": (
            "_amqp_transport",
            "_do_retryable_operation",
            "_handler",
            "_max_message_size_on_link",
            "_open",
            "_running",
        ),
        "azure.servicebus.ServiceBusReceivedMessage": (
            "_delivery_id",
            "_delivery_tag",
            "_expiry",
            "_is_deferred_message",
            "_lock_expired",
            "_settled",
        ),
        "azure.servicebus.exceptions.ServiceBusError": ("_condition",),
        "azure.servicebus._transport._pyamqp_transport.PyamqpTransport": (
            "build_received_message",
            "create_mgmt_client",
            "create_receive_client",
            "create_send_client",
            "create_servicebus_exception",
            "drain_and_release_messages",
            "get_message_encoded_size",
            "mgmt_client_request",
            "parse_received_message",
            "to_outgoing_amqp_message",
        ),
        "azure.servicebus._pyamqp.client.AMQPClient": ("_connection", "_mgmt_links"),
        "azure.servicebus._pyamqp.management_operation.ManagementOperation": ("_mgmt_link",),
        "azure.servicebus._pyamqp.management_link.ManagementLink": ("_request_link", "_response_link"),
        "azure.servicebus._pyamqp.client.ReceiveClient": ("_connection", "_link", "client_ready"),
        "azure.servicebus._pyamqp.client.SendClient": ("_connection", "_link", "client_ready"),
        "azure.servicebus._pyamqp.receiver.ReceiverLink": (
            "_outgoing_disposition",
            "_pending_dispositions",
            "_received_delivery_tags",
            "_session",
            "state",
        ),
        "azure.servicebus._pyamqp.sender.SenderLink": ("get_state", "state"),
        "azure.servicebus._pyamqp.session.Session": ("_connection",),
        "azure.servicebus._pyamqp._connection.Connection": ("_transport", "listen"),
    },
}
OVERRIDDEN = {
    "brokerkit.backends.jetstream.client_internals.DirectClient": (
        "_process_info",
        "_connect_command",
        "_parse_header_lines",
        "_process_msg",
    ),
    "brokerkit.backends.servicebus.client_internals.Peeker": ("_create_handler",),
}
"""Methods of the libraries that a room overrides, which must be called as before."""


def found(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


def has(kind: type, name: str) -> bool:
    """Whether a class has a member, or its code sets an attribute of that name, or that of its factory."""
    made = rf"\b(\w+) = {kind.__name__}\(\)\n\s+\1\.{name} = "
    if hasattr(kind, name) or re.search(made, inspect.getsource(import_module(kind.__module__))):
        return True
    return any(
        re.search(rf"\bself\.{name}\b[^=\n]*=[^=]", inspect.getsource(each))
        for each in kind.__mro__
        if each.__module__.partition(".")[0] not in ("builtins", "typing", "abc")
    )


def private(tree: ast.AST) -> Iterator[str]:
    """The private names that a module gets from elsewhere: attributes, imports and names given as text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            if node.attr.startswith("_") and not DOCUMENTED.fullmatch(ast.unparse(node)):
                yield node.attr
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module != "__future__":
            parts = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
            yield from (part for part in parts if part.startswith("_"))
        elif isinstance(node, ast.Import):
            yield from (p for alias in node.names for p in alias.name.split(".") if p.startswith("_"))
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "setattr", "hasattr"):
            yield from (
                each.value
                for each in node.args[1:2]
                if isinstance(each, ast.Constant) and str(each.value).startswith("_")
            )


def defined(tree: ast.AST) -> Iterator[str]:
    """The private names that a module gives to its own functions, attributes and variables."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.attr if isinstance(node, ast.Attribute) else node.id


def parsed(path: Path) -> ast.AST:
    return ast.parse(path.read_text("utf-8"))


@pytest.mark.parametrize("system", LIBRARIES)
def test_a_backend_uses_private_members_of_its_client_in_one_room_only(system: str) -> None:
    trees = {path.name: parsed(path) for path in (BACKENDS / system).glob("*.py") if path.name != ROOM}
    own = {name for tree in trees.values() for name in defined(tree)}
    strange = {
        file: sorted({name for name in private(tree) if not name.startswith("__")} - own)
        for file, tree in trees.items()
    }
    assert {file: names for file, names in strange.items() if names} == {}


@pytest.mark.parametrize("system", MEMBERS)
def test_each_private_member_that_a_room_uses_is_named_here(system: str) -> None:
    named = {name for names in MEMBERS[system].values() for name in names}
    members = {name for name in named if name.startswith("_")}
    modules = {part for path in MEMBERS[system] for part in path.split(".")} - members
    overridden = {name for path, names in OVERRIDDEN.items() if f".{system}." in path for name in names}
    tree = parsed(BACKENDS / system / ROOM)
    used = overridden | {name for name in private(tree) if not name.startswith("__")}
    assert used - modules - OWN[system] == members


@pytest.mark.parametrize(
    ("system", "path"), [(system, path) for system, members in MEMBERS.items() for path in members]
)
def test_the_installed_client_has_the_private_members_that_are_used(system: str, path: str) -> None:
    kind = found(path)
    missing = [name for name in MEMBERS[system][path] if not has(kind, name)]
    assert not missing, f"{LIBRARIES[system]} {version(LIBRARIES[system])}: {path} lacks {', '.join(missing)}"


@pytest.mark.parametrize(
    ("path", "name"), [(path, name) for path, names in OVERRIDDEN.items() for name in names]
)
def test_an_overridden_method_takes_what_the_installed_client_gives_it(path: str, name: str) -> None:
    kind = found(path)
    theirs = next(vars(base)[name] for base in kind.__mro__[1:] if name in vars(base))
    theirs = getattr(theirs, "__func__", theirs)
    ours = vars(kind)[name]
    ours = getattr(ours, "__func__", ours)
    assert len(inspect.signature(ours).parameters) == len(inspect.signature(theirs).parameters)
    assert inspect.iscoroutinefunction(ours) == inspect.iscoroutinefunction(theirs)


@pytest.mark.parametrize("library", LIBRARIES.values())
def test_a_client_library_has_an_upper_bound(library: str) -> None:
    project = tomllib.loads(PROJECT.read_text("utf-8"))["project"]
    lines = [
        line
        for extra in project["optional-dependencies"].values()
        for line in extra
        if re.match(rf"{library}\b", line)
    ]
    assert lines
    assert [line for line in lines if "<" not in line] == []
