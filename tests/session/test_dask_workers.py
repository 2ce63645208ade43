"""Dask reads each slice of a plan on a worker: the rows of `to_arrow`, with one connection each, and retries."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pyarrow.compute as pc
import pytest

import brokerkit as bk
from brokerkit import core
from brokerkit.sandbox.nats import NatsServer
from brokerkit.session.read import dask as reading
from brokerkit.workbench import Session

from .plan_model import messages


@pytest.fixture(scope="module", autouse=True)
def _dask() -> None:
    """Import it in the process that runs these tests, and not in each that collects them."""
    pytest.importorskip("dask.dataframe")


def plans(scan: bk.Scan) -> dict[str, bk.Scan]:
    """Plans that are read slice by slice, and some that count rows."""
    return {
        "whole": scan,
        "text and fields": scan.where("name 3").select("id", "value.number", "value.who.name"),
        "function": scan.where(lambda value: value["number"] % 3 == 0, key="key-1"),
        "expression": scan.select("id", "value.number").where(pc.field("value.number") >= 350),
        "sample": scan.sample(40).select("id"),
        "sample of matching": scan.where("name 3").sample(20),
        "of a sample": scan.sample(40).where("name").between(0, 90),
        "between": scan.between(20, 60).where(header={"shop": "B"}),
        "head": scan.where("name 3").head(30).select("id", "value.number"),
        "of a head": scan.head(120).sample(9).where("name"),
    }


def check(scan: bk.Scan) -> None:
    for name, planned in plans(scan).items():
        expected = planned.to_arrow().to_pandas()
        found = planned.to_dask().compute()
        assert list(found.columns) == list(expected.columns), name
        assert sorted(found["id"]) == sorted(expected["id"]), name
        if "value.number" in found:
            assert sorted(found["value.number"]) == sorted(expected["value.number"]), name


@pytest.mark.extended
def test_the_rows_of_every_plan_are_those_of_arrow(s: Session) -> None:
    s.create_topic("many", partitions=3)
    s.publish_batch("many", messages(400, 3))
    scan = s.scan("many", slice_rows=50, progress=False)
    check(scan)
    work = scan.where("name 3").select("id", "value.number").to_dask()
    assert work.npartitions == 9
    assert str(work.dtypes["value.number"]) == "int64[pyarrow]"
    assert scan.head(5).to_dask().npartitions == 1


def test_slices_are_scanned_again_alone_and_by_other_plans(s: Session) -> None:
    s.create_topic("many", partitions=3)
    s.publish_batch("many", messages(400, 3))
    whole = s.scan("many", slice_rows=50, progress=False)
    one = pickle.loads(pickle.dumps(whole.slices[4]))
    rows = s.scan(one, progress=False)
    assert rows.to_arrow()["offset"].to_pylist() == [*range(one.start, one.end)]
    assert rows.sample(10).count() == 10
    assert rows.between(one.start, one.start + 2).count() == 2
    frames = [s.scan(each, progress=False).where("name 3").to_pandas() for each in whole.slices]
    assert pd.concat(frames)["id"].tolist() == whole.where("name 3").to_pandas()["id"].tolist()
    assert s.scan(whole.slices, progress=False).to_arrow().equals(whole.to_arrow())
    for wrong in ({"start": 5}, {"partitions": [0]}):
        with pytest.raises(bk.ConfigError, match="slices say themselves"):
            s.scan(one, **wrong)
    with pytest.raises(bk.ConfigError, match="not both"):
        s.scan([one, "many"])


def connections() -> list[tuple[str, int]]:
    """The connections that a worker has, by target and identity."""
    return [(target, id(each)) for target, each in reading._connections.items()]


def connect_only_the_second_time() -> None:
    """Close the connections of a worker, and let the next one fail."""
    for each in reading._connections.values():
        each.close()

    def refuse(target: str) -> Any:
        reading.connect = core.connect
        raise bk.Unavailable("the broker is not yet there")

    reading.connect = refuse


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """A cluster with two workers in processes of their own, with two threads each."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=2, processes=True, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.mark.broker
@pytest.mark.extended
def test_a_cluster_reads_every_plan_with_one_connection_for_each_worker(
    client: Any, nats_server: NatsServer
) -> None:
    with bk.connect(nats_server.url) as session:
        session.create_topic("dask.many")
        session.publish_batch("dask.many", messages(400))
        scan = session.scan("dask.many", slice_rows=100, progress=False)
        check(scan)
        for opened in client.run(connections).values():
            assert len(opened) == 1
        before = client.run(connections)
        scan.to_dask().compute()
        assert client.run(connections) == before


@pytest.mark.broker
@pytest.mark.extended
def test_a_slice_that_fails_is_read_again_where_dask_retries(client: Any, nats_server: NatsServer) -> None:
    with bk.connect(nats_server.url) as session:
        session.create_topic("dask.retried")
        session.publish_batch("dask.retried", messages(100))
        client.run(connect_only_the_second_time)
        with pytest.raises(bk.Unavailable, match="not yet"):
            client.compute([session.scan("dask.retried", slice_rows=50).to_dask()])[0].result()
        client.run(connect_only_the_second_time)
        lazy = session.scan("dask.retried", slice_rows=20).to_dask()
        assert len(client.compute([lazy], retries=3)[0].result()) == 100
