"""Print a topic as JSON lines, without a mark on the broker: python dump.py URL TOPIC [START]"""

import json
import sys

from brokerkit.core import connect


def main(url: str, topic: str, start: str = "earliest") -> None:
    """Print each message; bytes that are not UTF-8 are written with escapes."""
    with connect(url) as broker:
        inspector = broker.inspector()
        for part in inspector.plan(topic, start):
            for columns in inspector.read(part):
                for record in columns.to_records():
                    value = None if record.value is None else record.value.decode("utf-8", "backslashreplace")
                    print(json.dumps({"id": record.id, "value": value}))


if __name__ == "__main__":
    main(*sys.argv[1:])
