"""Slices as partitions of a dask DataFrame."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from brokerkit.core.runtime.connection import Connection, connect
from brokerkit.core.runtime.inspector import ConnectedInspector
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.topics import Slice
from brokerkit.frames.dataframe import to_pandas

from ..base import BrokerSession, session_with
from .plan_reader import SliceWork

if TYPE_CHECKING:
    import dask.dataframe as dd
    import pandas as pd


def to_dask(session: BrokerSession, slices: Sequence[Slice], work: SliceWork) -> dd.DataFrame:
    """Return a dask DataFrame with one partition per slice, or with one for a plan that counts rows."""
    try:
        import dask.dataframe as dd
    except ModuleNotFoundError as error:
        raise ConfigError(
            "to_dask needs dask, which is not installed: pip install 'brokerkit-notebook[dask]'"
        ) from error
    meta = to_pandas(work.empty())
    if not slices:
        return dd.from_pandas(meta, npartitions=1)
    if work.plan.counts:
        # the rows of one slice depend on those before it
        whole = replace(work, plan=replace(work.plan, bounds={}))
        return dd.from_map(read_plan, [whole], session_token=session.token, target=session.target, meta=meta)
    quotas = work.plan.quotas or [None] * len(slices)
    general = replace(work, plan=replace(work.plan, slices=(), bounds={}, quotas=None))
    return dd.from_map(
        read_slice,
        list(slices),
        list(quotas),
        session_token=session.token,
        target=session.target,
        work=general,
        meta=meta,
    )


def read_slice(
    slice_: Slice, quota: int | None, *, session_token: str, target: str, work: SliceWork
) -> pd.DataFrame:
    """Read one slice on any worker: with the connection of this process, or a new one."""
    return to_pandas(work.read(_inspector(session_token, target), slice_, quota))


def read_plan(work: SliceWork, *, session_token: str, target: str) -> pd.DataFrame:
    """Read all slices of a plan on any worker, likewise."""
    return to_pandas(work.read_all(_inspector(session_token, target)))


def _inspector(session_token: str, target: str) -> ConnectedInspector:
    here = session_with(session_token)
    connection = _connected(target) if here is None else here.connection
    return connection.inspector()


_connections: dict[str, Connection] = {}
_connecting = threading.Lock()


def _connected(target: str) -> Connection:
    """Return the one connection of this process to a broker."""
    with _connecting:
        known = _connections.get(target)
        if known is None or known.closed:
            known = _connections[target] = connect(target)
        return known
