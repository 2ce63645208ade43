"""What saved notebooks and the workers of Dask keep of a session has no secret in it."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import pytest

import brokerkit as bk
from brokerkit.sandbox.nats import NatsServer
from brokerkit.workbench import Session

from .canary import CANARY, check, texts_of

pytestmark = pytest.mark.broker
STATE = "application/vnd.jupyter.widget-state+json"
CELL = """
import os
import brokerkit as bk
s = bk.connect(os.environ["SERVER_URL"])
browse, tail, compose = s.browse("orders"), s.tail("orders"), s.compose("orders")
display(s, browse, tail, compose)
"""
AFTER_A_FAILURE = """
%xmode Verbose
s.peek("never-created")
"""


@pytest.fixture
def orders() -> Iterator[Session]:
    """A session with credentials in its URL, and a topic of three messages."""
    with NatsServer(user="someone", password=CANARY) as server, bk.connect(server.url) as session:
        assert CANARY in server.url
        session.create_topic("orders")
        session.publish_batch("orders", ["a", "b", "c"])
        session.url = server.url  # type: ignore[attr-defined]
        yield session


def test_a_saved_notebook_has_no_secret_in_its_outputs_and_widgets(
    orders: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("SERVER_URL", orders.url)
    cells = [nbformat.v4.new_code_cell(source) for source in (CELL, AFTER_A_FAILURE)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, timeout=60, kernel_name="python3", allow_errors=True).execute()
    models = notebook.metadata["widgets"][STATE]["state"]
    shown = [output for cell in notebook.cells for output in cell.outputs]
    widgets = [output for output in shown if "application/vnd.jupyter.widget-view+json" in output.get("data", {})]  # fmt: skip
    assert len(widgets) == 3
    assert len(models) >= 3
    assert "orders" in repr(models)
    assert [output.ename for output in shown if output.output_type == "error"] == ["NotFound"]
    check([nbformat.writes(notebook), repr(models)])


@pytest.fixture(scope="module")
def dask_client() -> Iterator[Any]:
    """A scheduler with one worker in a process of its own."""
    from distributed import Client

    with Client(n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None) as client:
        yield client


def set_there(client: Any, value: str | None) -> None:
    """Set the password in the environment of the worker, or remove it."""

    def change(value: str | None) -> None:
        import os

        os.environ.pop("BROKERKIT_NATS_PASSWORD", None)
        if value is not None:
            os.environ["BROKERKIT_NATS_PASSWORD"] = value

    client.run(change, value)


def kept_by_dask(client: Any) -> list[str]:
    """Return what the scheduler and the worker have: tasks as they were sent, and logs."""

    def tasks(dask_scheduler: Any) -> list[bytes]:
        return [pickle.dumps(task.run_spec) for task in dask_scheduler.tasks.values()]

    sent = client.run_on_scheduler(tasks)
    assert sent
    return [*map(repr, sent), repr(client.get_worker_logs()), repr(client.get_scheduler_logs())]


@pytest.mark.extended
def test_a_worker_of_dask_reads_with_its_own_credentials(orders: Session, dask_client: Any) -> None:
    set_there(dask_client, CANARY)
    frame = dask_client.persist(orders.scan("orders", progress=False).to_dask())
    assert frame.compute()["value"].tolist() == ["a", "b", "c"]
    check(kept_by_dask(dask_client))


@pytest.mark.extended
def test_a_worker_of_dask_without_credentials_fails_without_showing_any(
    orders: Session, dask_client: Any
) -> None:
    set_there(dask_client, None)
    lazy = orders.scan("orders", progress=False).to_dask()
    future = dask_client.persist(lazy)
    with pytest.raises(bk.Unauthorized, match="refused the credentials") as caught:
        future.compute()
    check([*texts_of(caught.value), *kept_by_dask(dask_client)])
