"""Read a topic with another library: ``python -m tests.benchmarks.peers NAME [BOOTSTRAP TOPIC ROWS]``.

With a name alone it only imports the library, and says why that fails. What is measured begins after that.
"""

from __future__ import annotations

import sys

from ..measured import measure
from .reading import WAYS


def main(name: str, bootstrap: str = "", topic: str = "", rows: str = "0") -> None:
    way = WAYS[name]()
    if bootstrap:
        print(measure(lambda: way(bootstrap, topic, int(rows))).json(), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
