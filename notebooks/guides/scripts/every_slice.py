"""Read a topic slice by slice in several processes: python every_slice.py URL TOPIC

A slice is the unit of work of any engine, here of processes. With Ray, make `rows_of` a `ray.remote` function
and call `ray.get([rows_of.remote(part, url=url) for part in slices])`; with Spark, call
`spark.sparkContext.parallelize(slices).map(partial(rows_of, url=url))`.
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import pyarrow as pa

import brokerkit as bk


def rows_of(part: bk.Slice, *, url: str) -> pa.Table:
    """Read one slice on any worker; what it needs to log in comes from its own environment."""
    with bk.connect(url) as session:
        return session.scan(part, progress=False).select("id", "key").to_arrow()


def main(url: str, topic: str) -> None:
    """Plan here, read there. A slice that failed can be read again by any worker."""
    with bk.connect(url) as session:
        slices = session.scan(topic, slice_rows=50).slices
    with ProcessPoolExecutor(2) as workers:
        print(pa.concat_tables(workers.map(partial(rows_of, url=url), slices)).num_rows)


if __name__ == "__main__":
    main(*sys.argv[1:])
