"""The layers: what may import what, what an import costs, and how large a module may be."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import brokerkit

ROOT = Path(brokerkit.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))
FLOORS = {"core": 1, "backends": 2, "frames": 3, "session": 4, "widgets": 5}
MAY_IMPORT = {
    "core": {"core"},
    "backends": {"core", "backends"},
    "frames": {"core", "frames"},
    "session": {"core", "frames", "session"},
    "widgets": {"core", "frames", "session", "widgets"},
    "sandbox": {"core", "sandbox"},
    "testing": {"core", "testing"},
}
CLIENTS = {
    "backends/jetstream": {"nats", "nkeys"},
    "backends/kafka": {"confluent_kafka"},
    "backends/pubsub": {"google", "grpc", "grpc_status"},
    "backends/pulsar": {"pulsar", "_pulsar", "httpx"},
    "backends/servicebus": {"azure", "uamqp"},
    "sandbox/kafka": {"confluent_kafka"},
    "sandbox/pubsub": {"grpc"},
    "sandbox/pulsar": {"httpx"},
    "sandbox/servicebus": {"proton"},
}
HEAVY = {"pandas", "pyarrow", "numpy", "orjson", "tqdm", "ipywidgets", "IPython", "dask", "polars", "duckdb"}
ALL_CLIENTS = set().union(*CLIENTS.values())
LAZY_SANDBOX = "session/connecting.py"


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def layer_of(path: Path) -> str:
    parts = path.relative_to(ROOT).parts
    return parts[0] if len(parts) > 1 else ""


def imports(path: Path, *, at_import: bool = False) -> Iterator[str]:
    """The absolute names of what a module imports. at_import: without what functions import later."""
    package = ["brokerkit", *path.relative_to(ROOT).parts[:-1]]
    waiting: list[ast.AST] = [ast.parse(path.read_text("utf-8"))]
    while waiting:
        node = waiting.pop()
        if at_import and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            waiting.extend(node.orelse)
            continue
        waiting.extend(ast.iter_child_nodes(node))
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def own_layers(path: Path, *, at_import: bool = False) -> set[str]:
    """The layers of brokerkit that a module imports."""
    found = set()
    for name in imports(path, at_import=at_import):
        parts = name.split(".")
        if parts[0] == "brokerkit" and len(parts) > 1 and parts[1] in MAY_IMPORT:
            found.add(parts[1])
    return found


def outsiders(path: Path) -> set[str]:
    """The top-level packages from outside that a module imports, the standard library left out."""
    tops = {name.split(".")[0] for name in imports(path)}
    return tops - set(sys.stdlib_module_names) - {"brokerkit"}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_layers_import_downwards_only(path: Path) -> None:
    layer = layer_of(path)
    if layer not in MAY_IMPORT:
        return
    found = own_layers(path)
    if name_of(path) == LAZY_SANDBOX:
        assert "sandbox" not in own_layers(path, at_import=True)
        found -= {"sandbox"}
    assert found <= MAY_IMPORT[layer]


def test_the_floors_are_in_order() -> None:
    for layer, floor in FLOORS.items():
        assert all(FLOORS[other] <= floor for other in MAY_IMPORT[layer])


def test_the_core_needs_the_standard_library_only() -> None:
    found = {name_of(path): outsiders(path) for path in MODULES if layer_of(path) == "core"}
    assert found
    assert {name: others for name, others in found.items() if others} == {}


def test_a_backend_needs_its_own_client_library_only() -> None:
    strangers = {}
    for path in MODULES:
        if layer_of(path) not in ("backends", "sandbox"):
            continue
        home = next((name for name in CLIENTS if name_of(path).startswith(name)), None)
        others = outsiders(path) - (CLIENTS[home] if home else set())
        if others:
            strangers[name_of(path)] = others
    assert strangers == {}


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


def test_only_backends_and_the_sandbox_know_client_libraries() -> None:
    knowing = {
        name_of(path): outsiders(path) & ALL_CLIENTS
        for path in MODULES
        if layer_of(path) not in ("backends", "sandbox")
    }
    assert {name: found for name, found in knowing.items() if found} == {}


def test_no_module_is_too_long() -> None:
    lengths = {name_of(path): len(path.read_text("utf-8").splitlines()) for path in MODULES}
    assert {name: length for name, length in lengths.items() if length > 700} == {}


def test_everything_has_a_name_that_says_its_subject() -> None:
    vague = {"util", "utils", "helper", "helpers", "common", "manager", "managers", "misc"}
    parts = {part for path in MODULES for part in path.relative_to(ROOT).with_suffix("").parts}
    assert parts & vague == set()


def test_every_module_says_what_it_is_about() -> None:
    silent = [name_of(path) for path in MODULES if not ast.get_docstring(ast.parse(path.read_text("utf-8")))]
    assert silent == []


@pytest.mark.parametrize(
    "module", ["brokerkit", "brokerkit.core", "brokerkit.core.adapters", "brokerkit.backends.inmem"]
)
def test_importing_loads_neither_pandas_nor_any_client_library(module: str) -> None:
    program = f"import json, sys, {module}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True
    )
    loaded = {name.split(".")[0] for name in json.loads(done.stdout)}
    assert "brokerkit" in loaded
    assert loaded & (HEAVY | ALL_CLIENTS - {"google"}) == set()


def test_the_names_of_the_package_can_all_be_had() -> None:
    program = "import brokerkit; [getattr(brokerkit, name) for name in brokerkit.__all__]; print('all')"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("all\n", "")
