"""Which behaviours are shown a second time only where it is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from brokerkit.testing import OtherModel
from brokerkit.testing.behaviour import behaviours_of

FOLDER = Path(__file__).parent
TAKES_LONG = {
    # it stalls until the suite gives up, since the broker gives the message up
    ("TestKafka", 30),
    # a server that is slow to start is killed, its end waited for, or its errors: other tests of it do so too
    *((system, number) for system in ("TestKafka", "TestPulsar") for number in (27, 65, 67)),
    # a lock of ten seconds lapses, as in behaviour 33
    ("TestEmulator", 32),
    # what they wait for is tested with shorter times, without a broker of the suite or by scenes of a session
    *(("TestInmem", number) for number in (20, 50, 53, 54, 58, 71)),
}
"""A class of tests, and the number of a behaviour, that waits for long."""
DISTURBING = {each.body.__name__ for each in behaviours_of(OtherModel) if each.disturbs}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave what kills or fills a server, once shown with one model of its consumers, to the extended tests."""
    for item in items:
        if not isinstance(item, pytest.Function) or item.cls is None or not item.path.is_relative_to(FOLDER):
            continue
        again = issubclass(item.cls, OtherModel) and item.name in DISTURBING
        if (again and item.get_closest_marker("broker")) or _number(item) in TAKES_LONG:
            item.add_marker(pytest.mark.extended)


def _number(item: pytest.Function) -> tuple[str, int] | None:
    shown = getattr(item.function, "behaviour", None)
    return (item.cls.__name__, shown.number) if shown is not None else None
