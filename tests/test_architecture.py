"""The layers: what may import what, what an import costs, and how large a module may be."""

from __future__ import annotations

import ast
import functools
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import brokerkit
from brokerkit.core.contract.garbage_collection import uncollected

ROOT = Path(brokerkit.__file__).parent
MODULES = sorted(path for path in ROOT.rglob("*.py") if "node_modules" not in path.parts)
FILES = {path.relative_to(ROOT).as_posix() for path in MODULES}
FLOORS = (
    {"core/vocabulary"},
    {"core/contract"},
    {"core/adapters", "backends"},
    {"core/runtime"},
    {"core"},
    {"registry", "saved"},
    {"frames", "sandbox", "testing"},
    {"display"},
    {"session"},
    {"widgets"},
    {""},
    {"command_line"},
)
"""From the ground up. A module imports its own layer and layers of lower floors only; "" is the top level."""
BACKENDS_MAY_IMPORT = {"core/vocabulary", "core/contract", "backends"}
CLIENTS = {
    "backends/jetstream": {"nats", "nkeys"},
    "backends/kafka": {"confluent_kafka"},
    "backends/parquet": {"pyarrow"},
    "backends/pubsub": {"google", "grpc", "grpc_status"},
    "backends/pulsar": {"pulsar", "_pulsar", "httpx"},
    "backends/servicebus": {"azure", "uamqp"},
    "sandbox/kafka": {"confluent_kafka"},
    "sandbox/pubsub": {"grpc"},
    "sandbox/pulsar": {"httpx"},
    "sandbox/servicebus": {"proton"},
}
HEAVY = {"pandas", "pyarrow", "numpy", "orjson", "tqdm", "ipywidgets", "IPython", "dask", "polars", "duckdb"}
ALL_CLIENTS = set().union(*CLIENTS.values()) - {"pyarrow"}
SYSTEMS = re.compile(
    r"(?<![a-z])(kafka|librdkafka|confluent|jetstream|nats|pub/?sub|google(?![./](protobuf|type))|pulsar|service ?bus|azure|amqp)(?![a-z])",
    re.IGNORECASE,
)
"""The names of systems. Protobuf's own types have the name of a company in theirs."""
MAY_NAME_A_SYSTEM = {
    # errors show what a URL looks like
    "core/vocabulary/address.py": {
        "inmem://, sandbox+nats://, nats://localhost:4222, kafka://localhost:9092"
    },
    # the names of framings, which any system carries
    "frames/codecs/framing.py": {"azure", "confluent", "pubsub", "pulsar", "pulsar key", "$pulsar.schema"},
}
ROOMS = {
    "driver": {"{system}Driver", "open"},
    "connection": {"{system}Connection"},
    "consumer": {"{system}Consumer"},
    "publisher": {"{system}Publisher"},
    "inspector": {"{system}Inspector"},
    "reader": {"{system}Reader"},
    "options": set(),
    "errors": {"translate", "translating"},
    "admin": set(),
    "operating": {"{system}Subscriptions"},
    "purging": {"{system}Purging"},
    "codec": {"to_columns"},
}
"""The rooms that the backend of each system has, and what is called alike in them."""
PREFIXES = {
    "inmem": "Inmem",
    "jetstream": "JetStream",
    "kafka": "Kafka",
    "parquet": "Parquet",
    "pubsub": "PubSub",
    "pulsar": "Pulsar",
    "servicebus": "ServiceBus",
}
LACKING = {
    ("inmem", "connection"): "the broker is in this process",
    ("inmem", "errors"): "no client library raises exceptions of its own",
    ("inmem", "admin"): "the store itself creates and deletes topics",
    ("parquet", "consumer"): "files have no subscriptions",
    ("parquet", "publisher"): "its topics are captured, and can only be read",
    ("parquet", "admin"): "its topics are captured, and can only be read",
    ("parquet", "operating"): "files have no subscriptions",
    ("parquet", "purging"): "its topics are captured, and can only be read",
    ("pubsub", "reader"): "its messages cannot be read without consuming them",
}
NAMES_FROM_A_TABLE = {
    "__init__.py",
    "core/vocabulary/deprecation.py",
    "frames/codecs/extras.py",
    "sandbox/catalogue.py",
}
"""Modules that import by a name from a table; what the tables name is below them, or an extra of the
package. `renamed_names` gets its table from the module that calls it, and counts as an import of that module."""


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def layer_of(name: str) -> str:
    """The layer of a file, by its path below the package; `__main__` is the command line."""
    if name == "__main__.py":
        return "command_line"
    parts = name.split("/")[:-1]
    return "/".join(parts[:2]) if parts[:1] == ["core"] else "/".join(parts[:1])


def floor_of(layer: str) -> int:
    return next(number for number, layers in enumerate(FLOORS) if layer in layers)


def called(node: ast.Call) -> str:
    """The name of the function that is called, without what it is taken from."""
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def dynamic(node: ast.Call) -> bool:
    """Whether a call imports a module by its name."""
    return called(node) in ("import_module", "__import__")


@functools.cache
def parsed(path: Path) -> ast.Module:
    # all the modules stay: the collector would go through them again and again
    tree: ast.Module = uncollected(ast.parse, path.read_text("utf-8"))
    return tree


@functools.cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(parsed(path)))


@functools.cache
def imports(path: Path) -> tuple[str, ...]:
    """The absolute names of what a module imports, by statement or by a call, for types or to run."""
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[str]:
    package = ["brokerkit", *path.relative_to(ROOT).parts[:-1]]
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and dynamic(node):
            yield from (
                each.value.lstrip(".")
                if not each.value.startswith(".")
                else ".".join([*package, each.value.lstrip(".")])
                for each in node.args[:1]
                if isinstance(each, ast.Constant) and isinstance(each.value, str)
            )
        elif isinstance(node, ast.Call) and called(node) == "renamed_names":
            places = (each.value for each in ast.walk(node) if isinstance(each, ast.Constant))
            yield from (
                place.partition(":")[0] for place in places if isinstance(place, str) and ":" in place
            )


@functools.cache
def own_files(path: Path) -> set[str]:
    """The files of brokerkit that a module imports, by their path below the package."""
    found = set()
    for name in imports(path):
        parts = name.split(".")
        if parts[0] != "brokerkit":
            continue
        below = "/".join(parts[1:])
        found |= {f"{below}.py", f"{below}/__init__.py".lstrip("/")} & FILES
    # `from .package import module` names the package as well, but takes nothing from it
    return found - {name_of(path)}


@functools.cache
def taken_files(path: Path) -> set[str]:
    """`own_files` without packages that are only on the way to a module of theirs."""
    found = own_files(path)
    return {
        name
        for name in found
        if not (
            name.endswith("__init__.py")
            and any(other != name and other.startswith(name.removesuffix("__init__.py")) for other in found)
        )
    }


def outsiders(path: Path) -> set[str]:
    """The top-level packages from outside that a module imports, the standard library left out."""
    tops = {name.split(".")[0] for name in imports(path)}
    return tops - set(sys.stdlib_module_names) - {"brokerkit"}


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """The strongly connected parts of more than one file (Tarjan)."""
    numbers: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: list[set[str]] = []

    def visit(name: str) -> None:
        numbers[name] = lowest[name] = len(numbers)
        stack.append(name)
        for other in sorted(graph[name]):
            if other not in numbers:
                visit(other)
                lowest[name] = min(lowest[name], lowest[other])
            elif other in stack:
                lowest[name] = min(lowest[name], numbers[other])
        if lowest[name] == numbers[name]:
            part = set()
            while name not in part:
                part.add(stack.pop())
            if len(part) > 1:
                found.append(part)

    for name in graph:
        if name not in numbers:
            visit(name)
    return found


def test_layers_import_downwards_only() -> None:
    upwards = set()
    for name, path in ((name_of(path), path) for path in MODULES):
        layer = layer_of(name)
        others = {layer_of(other) for other in taken_files(path)} - {layer}
        upwards |= {(name, other) for other in others if floor_of(other) >= floor_of(layer)}
    assert upwards == set()


def test_no_files_import_each_other_in_a_circle() -> None:
    assert circles({name_of(path): taken_files(path) for path in MODULES}) == []


def test_a_backend_knows_the_vocabulary_and_the_contract_and_never_the_runtime() -> None:
    found = {
        name_of(path): {layer_of(name) for name in taken_files(path)} - BACKENDS_MAY_IMPORT
        for path in MODULES
        if layer_of(name_of(path)) == "backends"
    }
    assert {name: layers for name, layers in found.items() if layers} == {}


def test_no_module_imports_by_a_name_that_cannot_be_seen() -> None:
    unseen = set()
    for path in MODULES:
        for node in nodes(path):
            if isinstance(node, ast.Call) and dynamic(node) and not isinstance(node.args[0], ast.Constant):
                unseen.add(name_of(path))
    assert unseen <= NAMES_FROM_A_TABLE


def test_the_core_needs_the_standard_library_only() -> None:
    found = {name_of(path): outsiders(path) for path in MODULES if name_of(path).startswith("core/")}
    assert found
    assert {name: others for name, others in found.items() if others} == {}


def test_a_backend_needs_its_own_client_library_only() -> None:
    outside = {}
    for path in MODULES:
        if layer_of(name_of(path)) not in ("backends", "sandbox"):
            continue
        home = next((name for name in CLIENTS if name_of(path).startswith(name)), None)
        others = outsiders(path) - (CLIENTS[home] if home else set())
        if others:
            outside[name_of(path)] = others
    assert outside == {}


def test_backends_do_not_import_each_other() -> None:
    crossing = []
    for path in MODULES:
        parts = path.relative_to(ROOT).parts
        if len(parts) < 3 or parts[0] != "backends":
            continue
        for name in imports(path):
            target = name.split(".")
            if target[:2] == ["brokerkit", "backends"] and len(target) > 2 and target[2] != parts[1]:
                crossing.append((name_of(path), name))
    assert crossing == []


@pytest.mark.parametrize("system", PREFIXES)
def test_every_backend_has_the_same_rooms(system: str) -> None:
    missing = []
    for room, alike in ROOMS.items():
        path = ROOT / "backends" / system / f"{room}.py"
        if (system, room) in LACKING:
            assert not path.exists()
        elif not path.exists():
            missing.append(path.name)
        else:
            wanted = {name.replace("{system}", PREFIXES[system]) for name in alike}
            missing.extend(f"{path.name}: {name}" for name in wanted - names_defined(path))
    assert missing == []


def names_defined(path: Path) -> set[str]:
    """The names that a module gives to classes, functions and values, in classes too."""
    return {
        node.id if isinstance(node, ast.Name) else node.name
        for node in nodes(path)
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        or (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    }


def test_only_backends_and_the_sandbox_know_client_libraries() -> None:
    knowing = {
        name_of(path): outsiders(path) & ALL_CLIENTS
        for path in MODULES
        if layer_of(name_of(path)) not in ("backends", "sandbox")
    }
    assert {name: found for name, found in knowing.items() if found} == {}


def texts_and_names(path: Path) -> Iterator[str]:
    """The identifiers and strings of a module, without its docstrings and the strings that document a name."""
    prose = {id(node.value) for node in nodes(path) if isinstance(node, ast.Expr)}
    for node in nodes(path):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.value
        for attribute in ("id", "attr", "name", "arg", "module"):
            if isinstance(name := getattr(node, attribute, None), str):
                yield name


def test_only_backends_and_the_sandbox_name_a_system() -> None:
    naming = {
        name_of(path): {text for text in texts_and_names(path) if SYSTEMS.search(text)}
        for path in MODULES
        if layer_of(name_of(path)) not in ("backends", "sandbox")
    }
    assert {name: found for name, found in naming.items() if found} == MAY_NAME_A_SYSTEM


def test_no_module_is_too_long() -> None:
    """One subject needs 400 lines at most, and the model of a widget less than 300."""
    lengths = {name_of(path): len(path.read_text("utf-8").splitlines()) for path in MODULES}
    assert {name: length for name, length in lengths.items() if length > 400} == {}
    models = {name: length for name, length in lengths.items() if name.endswith("/model.py")}
    assert {name: length for name, length in models.items() if length >= 300} == {}


def test_everything_has_a_name_that_says_its_subject() -> None:
    vague = {"util", "utils", "helper", "helpers", "common", "manager", "managers", "misc"}
    parts = {part for path in MODULES for part in path.relative_to(ROOT).with_suffix("").parts}
    assert parts & vague == set()


def test_every_module_says_what_it_is_about() -> None:
    silent = [name_of(path) for path in MODULES if not ast.get_docstring(parsed(path))]
    assert silent == []


@pytest.mark.parametrize(
    "module",
    [
        "brokerkit",
        "brokerkit.core",
        "brokerkit.core.adapters",
        "brokerkit.backends.inmem",
        "brokerkit.backends.parquet",
    ],
)
def test_importing_loads_neither_pandas_nor_any_client_library(module: str) -> None:
    program = f"import json, sys, {module}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True
    )
    loaded = {name.split(".")[0] for name in json.loads(done.stdout)}
    assert "brokerkit" in loaded
    assert loaded & (HEAVY | ALL_CLIENTS - {"google"}) == set()


def test_type_checkers_see_the_names_of_the_package_where_they_are() -> None:
    tree = ast.parse((ROOT / "__init__.py").read_text("utf-8"))
    seen = {
        alias.asname: node.module
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == brokerkit._HOME_OF


def test_all_names_of_the_package_can_be_imported() -> None:
    program = "import brokerkit; [getattr(brokerkit, name) for name in brokerkit.__all__]; print('all')"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("all\n", "")
