"""A process that forks with everything open: ``python -m tests.scenarios.forked_child URL TOPIC [SUBSCRIPTION]``.

Its child meets a closed session and ends as a script does; then the parent goes on.
"""

from __future__ import annotations

import os
import signal
import sys
import warnings

import pytest

import brokerkit as bk

warnings.simplefilter("ignore")

CHILD_SECONDS = 30


def main(url: str, topic: str, subscription: str | None = None) -> None:
    session = bk.connect(url)
    looks = session.capabilities.slices != "never"
    if looks:
        session.peek(topic)
    session.publish(topic, "from the parent")
    taking = session.batches(topic, subscription=subscription, size=1)
    batch = next(taking)
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        signal.alarm(CHILD_SECONDS)
        for use in (lambda: session.publish(topic, "from the child"), lambda: session.describe(topic)):
            with pytest.raises(bk.Closed, match="forked"):
                use()
        sys.exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    batch.ack()
    taking.close()
    session.publish(topic, "from the parent, later")
    if looks:
        assert "from the parent, later" in set(session.peek(topic)["value"])
    session.close()
    print(f"the child ended with {code}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
