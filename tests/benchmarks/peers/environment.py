"""An environment with the other libraries: one venv, kept between runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PLACE = "BROKERKIT_BENCHMARK_PEERS"
"""Environment variable: the folder of the environment."""
DEFAULT = Path(__file__).parents[3] / "build" / "benchmark-peers"
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
COMMON = ("confluent-kafka", "pandas", "psutil", "pyarrow")
"""What several ways need."""


@dataclass(frozen=True)
class Peer:
    """One library: its distribution, and what is done with it."""

    distribution: str
    what: str


PEERS = {
    "confluent": Peer("confluent-kafka", "a dict per message, DataFrame"),
    "kafkarrow": Peer("kafkarrow", "record batches, without headers"),
    "aiokafka": Peer("aiokafka", "getmany, columns, DataFrame"),
    "kafka-python": Peer("kafka-python", "poll, columns, DataFrame"),
    "quixstreams": Peer("quixstreams", "source topic to a list"),
    "faststream": Peer("faststream[kafka]", "a batch subscriber to a list"),
    "streamz": Peer("streamz", "from_kafka_batched to a list"),
    "ray": Peer("ray[data]", "read_kafka to Arrow, started before"),
    "daft": Peer("daft", "read_kafka to Arrow"),
    "tributary": Peer("duckdb", "tributary_scan_topic to Arrow"),
}


@dataclass(frozen=True)
class PeersEnvironment:
    """The interpreter, the version of each library, and why others are missing."""

    python: Path
    versions: Mapping[str, str]
    missing: Mapping[str, str]

    @classmethod
    def made(cls) -> PeersEnvironment:
        """Make the environment where it is not yet there. A library that does not install is named."""
        folder = Path(os.environ.get(PLACE, DEFAULT))
        python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        reasons = {} if _install(python, "-r", str(REQUIREMENTS)) is None else _one_by_one(python)
        versions, missing = {}, {}
        for name, peer in PEERS.items():
            problem = reasons.get(peer.distribution) or _problem(python, name)
            if problem is None:
                versions[name] = _version(python, peer.distribution)
            else:
                missing[name] = problem
        return cls(python, versions, missing)


def _one_by_one(python: Path) -> dict[str, str]:
    """Install what can be, and return why the others cannot."""
    for name in COMMON:
        _install(python, name)
    reasons = {}
    for peer in PEERS.values():
        problem = _install(python, peer.distribution)
        if problem is not None:
            reasons[peer.distribution] = f"does not install: {problem}"
    return reasons


def _install(python: Path, *what: str) -> str | None:
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *what]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else _last_line(done.stderr)


def _problem(python: Path, name: str) -> str | None:
    """Return why a library that is installed cannot be used, or None."""
    root = Path(__file__).parents[3]
    command = [str(python), "-m", "tests.benchmarks.peers", name]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else _last_line(done.stderr)


def _version(python: Path, distribution: str) -> str:
    name = distribution.partition("[")[0]
    code = f"from importlib.metadata import version; print(version({name!r}))"
    return subprocess.run(
        [str(python), "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no reason is given"
