"""Backends are found by their scheme, and say what they need without their client library."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from brokerkit.backends.jetstream.options import read_options as nats_options
from brokerkit.backends.kafka.options import read_options as kafka_options
from brokerkit.backends.pulsar.options import read_options as pulsar_options
from brokerkit.core import ConfigError, connect
from brokerkit.core.runtime import registry
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.secrets import Secret
from tests.test_architecture import ALL_CLIENTS

SCHEMES = {"kafka", "nats", "jetstream", "pubsub", "pulsar", "pulsar+ssl", "servicebus"}
AZURE = "Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=n;SharedAccessKey=a2V5"


def without_clients(program: str) -> Any:
    """Run a program in a Python that has no client library, and return what it prints as JSON."""
    blocking = f"""
        import importlib.abc, json, sys

        class Blocker(importlib.abc.MetaPathFinder):
            def find_spec(self, name, path, target=None):
                if name.split(".")[0] in {sorted(ALL_CLIENTS)!r}:
                    raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

        sys.meta_path.insert(0, Blocker())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(blocking) + textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_the_facts_of_every_backend_load_without_its_client_library() -> None:
    found = without_clients("""
        from brokerkit.core.runtime import registry

        backends = {scheme: point.load() for scheme, point in registry.known().items()}
        print(json.dumps({
            scheme: [len(each.capabilities.durability) > 20, registry.facts_of(each).extra]
            for scheme, each in backends.items()
        }))
    """)
    assert found.keys() >= {"inmem", *SCHEMES}
    assert {scheme for scheme, (_, extra) in found.items() if extra is None} == {"inmem", "parquet"}
    assert all(described for described, _ in found.values())


def test_a_missing_client_library_is_one_error_with_the_line_that_installs_it() -> None:
    found = without_clients(f"""
        from brokerkit.core import ConfigError, connect

        said = {{}}
        for target in {[f"{scheme}://localhost" for scheme in sorted(SCHEMES)] + [AZURE]!r}:
            try:
                connect(target)
            except ConfigError as error:
                said[target] = str(error)
        print(json.dumps(said))
    """)
    assert found.keys() == {*(f"{scheme}://localhost" for scheme in SCHEMES), AZURE}
    for target, said in found.items():
        scheme = "servicebus" if target == AZURE else target.partition("://")[0]
        extra = registry.facts_of(registry.known()[scheme].load()).extra
        assert said.startswith(f"{scheme}:// needs the module")
        assert said.endswith(f": pip install 'brokerkit-notebook[{extra}]'")


def test_a_backend_of_others_that_needs_a_missing_module_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("tube", "tube_of_nowhere.backend", registry.GROUP)
    monkeypatch.setattr(registry, "known", lambda: {"tube": point})
    with pytest.raises(
        ConfigError, match="tube:// needs the module 'tube_of_nowhere', which is not installed$"
    ):
        connect("tube://localhost")
    with pytest.raises(ConfigError, match="not a connection URL"):
        registry.address_of(AZURE, {})


def test_a_backend_that_was_found_is_not_looked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    registry.backend("inmem")
    monkeypatch.setattr(registry, "known", lambda: pytest.fail("read the metadata of all distributions"))
    with connect("inmem://"):
        pass


def test_the_metadata_of_all_distributions_is_read_again_when_one_is_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    found = registry.known()
    with monkeypatch.context() as patch:
        patch.setattr(registry, "entry_points", lambda **_: pytest.fail("read them again"))
        assert registry.known() == found
    installed = tmp_path / "tube-1.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: tube\nVersion: 1\n", "utf-8")
    (installed / "entry_points.txt").write_text(f"[{registry.GROUP}]\ntube = tube_of_nowhere\n", "utf-8")
    assert set(registry.known()) == {*found, "tube"}


def test_a_backend_that_is_installed_later_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    points = registry.known()
    with pytest.raises(ConfigError, match="unknown scheme 'later'"):
        registry.backend("later")
    monkeypatch.setattr(registry, "known", lambda: {"later": points["inmem"]})
    try:
        assert registry.backend("later") is registry.backend("inmem")
    finally:
        registry.backend.cache_clear()


def test_a_connection_string_belongs_to_the_backend_that_recognizes_it() -> None:
    address = registry.address_of(f"  {AZURE}", {"transport": "websockets"})
    assert (address.scheme, address.hosts) == ("servicebus", ("ns.servicebus.windows.net",))
    assert address.options == {"connection_string": Secret(AZURE), "transport": "websockets"}
    with pytest.raises(ConfigError, match="not a connection URL"):
        registry.address_of(AZURE.replace("Endpoint=sb", "Endpunkt=sb"), {})


def test_a_backend_uses_the_port_that_it_states() -> None:
    hosts = {
        "kafka": kafka_options(Address.parse("kafka://host"))["bootstrap.servers"],
        "nats": nats_options(Address.parse("nats://host")).hosts[0],
        "jetstream": nats_options(Address.parse("jetstream://host")).hosts[0],
        "pulsar": pulsar_options(Address.parse("pulsar://host")).service_url.rpartition("/")[2],
        "pulsar+ssl": pulsar_options(Address.parse("pulsar+ssl://host")).service_url.rpartition("/")[2],
    }
    stated = {
        scheme: f"host:{port}"
        for point in registry.known().values()
        for scheme, port in registry.facts_of(point.load()).default_ports.items()
    }
    assert hosts == stated
