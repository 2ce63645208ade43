"""Slices are the unit of work of Ray, as the guide shows it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import brokerkit as bk
from brokerkit.sandbox.nats import NatsServer

ray = pytest.importorskip("ray", reason="ray is not installed: pip install ray")

SCRIPTS = Path(__file__).parents[2] / "notebooks" / "guides" / "scripts"

pytestmark = [pytest.mark.extended, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def workers() -> Iterator[Any]:
    places = [str(Path(bk.__file__).parents[1]), str(SCRIPTS)]
    runtime = {"env_vars": {"PYTHONPATH": ":".join([*places, *filter(None, sys.path)])}}
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, runtime_env=runtime)
    yield ray
    ray.shutdown()


def test_every_slice_is_a_task_of_ray(
    workers: Any, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    from every_slice import rows_of

    with bk.connect(nats_server.url) as session:
        session.create_topic("engines.ray")
        session.publish_batch("engines.ray", [{"id": number} for number in range(120)])
        slices = session.scan("engines.ray", slice_rows=50).slices
        expected = session.scan("engines.ray").select("id").to_arrow()["id"].to_pylist()
    task = workers.remote(rows_of)
    tables = workers.get([task.remote(part, url=nats_server.url) for part in slices])
    assert len(tables) == len(slices) > 1
    assert pa.concat_tables(tables)["id"].to_pylist() == expected
