"""Slices as partitions of a dask DataFrame."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from brokerkit.core.runtime.connection import Connection, connect
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.topics import Slice
from brokerkit.frames.build import FrameBuilder
from brokerkit.frames.dataframe import to_pandas
from brokerkit.frames.decoded import PayloadDecoder
from brokerkit.frames.masking.mask import Mask

from ..base import BrokerSession, session_with

if TYPE_CHECKING:
    import dask.dataframe as dd
    import pandas as pd


def to_dask(
    session: BrokerSession,
    slices: Sequence[Slice],
    *,
    decoder: PayloadDecoder,
    key_decoder: PayloadDecoder,
    attributes: bool,
    mask: Mask | None,
) -> dd.DataFrame:
    """Return a dask DataFrame with one partition per slice."""
    try:
        import dask.dataframe as dd
    except ModuleNotFoundError as error:
        raise ConfigError(
            "to_dask needs dask, which is not installed: pip install 'brokerkit-notebook[dask]'"
        ) from error
    meta = to_pandas(FrameBuilder(decoder, attributes, key_decoder=key_decoder, mask=mask).to_table([]))
    if not slices:
        return dd.from_pandas(meta, npartitions=1)
    return dd.from_map(
        read_slice,
        list(slices),
        session_token=session.token,
        target=session.target,
        decoder=decoder,
        key_decoder=key_decoder,
        attributes=attributes,
        mask=mask,
        meta=meta,
    )


def read_slice(
    slice_: Slice,
    *,
    session_token: str,
    target: str,
    decoder: PayloadDecoder,
    key_decoder: PayloadDecoder,
    attributes: bool,
    mask: Mask | None,
) -> pd.DataFrame:
    """Read one slice on any worker: with the connection of this process, or a new one."""
    connection = _connection(session_token, target)
    builder = FrameBuilder(decoder, attributes, key_decoder=key_decoder, mask=mask)
    batches = builder.batches(connection.inspector().read(slice_, attributes=attributes))
    return to_pandas(builder.to_table(batches))


def _connection(token: str, target: str) -> Connection:
    here = session_with(token)
    return _connected(target) if here is None else here.connection


@lru_cache(maxsize=8)
def _connected(target: str) -> Connection:
    return connect(target)
