"""What a user may rely on when the connection breaks in the middle of the work, on every system.

A subclass in a file of its own has the fixture `place`, so that the systems run beside each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from brokerkit.core.runtime.inspector import ConnectedInspector
from brokerkit.core.vocabulary.errors import Unavailable
from brokerkit.sandbox.proxy import Way
from brokerkit.testing.waiting import eventually
from brokerkit.widgets.tail import Tail
from brokerkit.workbench import Session

from .faults import GONE, PASSING, WORST, Fault
from .places import Place, by_partition, frame, numbers_of

CASE_SECONDS = 120
"""Within this each case has to end."""
_BY_NAME = {True: pytest.mark.extended, False: pytest.mark.soak}
STALL_SECONDS = 3.0
"""How long a read waits here for a broker that says nothing, instead of half a minute."""

every_fault = pytest.mark.parametrize(
    "fault",
    [pytest.param(each, marks=() if each in WORST else pytest.mark.extended) for each in PASSING],
    ids=str,
)
worst_faults = pytest.mark.parametrize(
    "fault",
    [pytest.param(each, marks=() if each == WORST[-1] else _BY_NAME[each in WORST]) for each in PASSING],
    ids=str,
)


@pytest.fixture
def through(place: Place) -> Iterator[Session]:
    """A session through the proxy, which is whole again afterwards."""
    with place.connect() as session:
        yield session
        place.proxy.mend()


@pytest.mark.timeout(CASE_SECONDS)
class Publishing:
    """Outcomes are true."""

    @every_fault
    def test_the_outcomes_of_a_published_frame_are_true(
        self, place: Place, through: Session, fault: Fault
    ) -> None:
        topic = place.target()
        fault.strike(place.proxy, Way.TO_SERVER, place.size)
        outcome = through.publish_frame(topic, frame(place.rows), kind="messages", progress=False)
        place.proxy.mend()
        assert list(outcome["row"]) == list(range(place.rows))
        assert_true(outcome, place, topic)
        if through.capabilities.dedup_ids:
            # what is sent again is stored once, so that nothing has to stay unknown
            assert outcome["status"].eq("confirmed").all()

    @pytest.mark.parametrize(
        "half_dead", [False, True], ids=["cut while idle", "half dead when it is used again"]
    )
    def test_a_connection_that_died_while_idle_costs_no_message(
        self, place: Place, through: Session, half_dead: bool
    ) -> None:
        topic = place.target()
        outcomes = [through.publish_frame(topic, frame(1), kind="messages", progress=False)]
        if half_dead:
            place.proxy.half_open(0.5)
        else:
            place.proxy.cut()
        values = pd.DataFrame({"value": ["1:", "2:"]})
        for row in range(2):
            part = values.iloc[row : row + 1].reset_index(drop=True)
            outcomes.append(through.publish_frame(topic, part, kind="messages", progress=False))
        outcome = pd.concat(outcomes, ignore_index=True)
        outcome["row"] = range(3)
        assert_true(outcome, place, topic)
        assert outcome["status"].iloc[0] == outcome["status"].iloc[2] == "confirmed"
        if not half_dead:
            # where it is known to be dead before anything is sent, nothing has to stay unknown
            allowed = {"confirmed"} if place.notices_a_cut else {"confirmed", "unknown"}
            assert outcome["status"].iloc[1] in allowed

    def test_rows_for_a_server_that_is_gone_are_not_confirmed(self, place: Place, through: Session) -> None:
        topic = place.target()
        GONE.strike(place.proxy, Way.TO_SERVER, place.size)
        outcome = through.publish_frame(
            topic, frame(place.rows), kind="messages", timeout=3.0, progress=False
        )
        place.proxy.mend()
        assert not outcome["status"].eq("confirmed").all()
        assert_true(outcome, place, topic)


@pytest.mark.timeout(CASE_SECONDS)
class Taking:
    """Nothing of a subscription is lost."""

    @worst_faults
    def test_a_loop_over_batches_works_off_everything(
        self, place: Place, through: Session, fault: Fault
    ) -> None:
        topic = place.new_topic()
        subscription = place.subscribe(topic)
        place.publish(topic)
        fault.strike(place.proxy, Way.TO_CLIENT, place.size)
        acknowledged, doubtful = place.work_off(through, topic, subscription)
        # an acknowledgement without an answer may have taken effect
        assert acknowledged.keys() | doubtful == set(range(place.rows))


@pytest.mark.timeout(CASE_SECONDS)
class Reading:
    """A read is complete, or it says that it is not."""

    @every_fault
    def test_a_scan_has_all_rows(self, place: Place, through: Session, fault: Fault) -> None:
        topic = place.standing()
        fault.strike(place.proxy, Way.TO_CLIENT, place.size)
        assert_all(through.scan(topic, progress=False).to_pandas(), place.rows)

    @worst_faults
    def test_a_peek_has_all_rows(self, place: Place, through: Session, fault: Fault) -> None:
        topic = place.standing()
        fault.strike(place.proxy, Way.TO_CLIENT, place.size)
        assert_all(through.peek(topic, 2 * place.rows), place.rows)

    @worst_faults
    def test_an_export_has_all_rows(
        self, place: Place, through: Session, fault: Fault, tmp_path: Path
    ) -> None:
        topic = place.standing()
        scan = through.scan(topic, slice_rows=place.rows // 3, progress=False)
        fault.strike(place.proxy, Way.TO_CLIENT, place.size)
        exported = scan.to_parquet(tmp_path / "out")
        assert exported.rows == place.rows
        assert pq.read_table(tmp_path / "out").num_rows == place.rows

    @worst_faults
    def test_a_tail_misses_nothing(self, place: Place, through: Session, fault: Fault) -> None:
        topic = place.standing()
        fault.strike(place.proxy, Way.TO_CLIENT, place.size)
        tail = Tail(through, topic, start="earliest", rows=place.rows, interval=0.1)
        try:
            eventually(lambda: tail.read + tail.skipped >= place.rows, "all is seen", within=60)
            # what it passes over to keep up it says
            assert tail.read + tail.skipped == place.rows
            assert bool(tail.skipped) == any("skipped" in str(note) for note in tail.notes)
            assert len(set(numbers_of(tail.frame))) == len(tail.frame)
        finally:
            tail.close()

    @worst_faults
    def test_a_copy_from_a_broken_connection_has_all_rows(
        self, place: Place, through: Session, fault: Fault
    ) -> None:
        source, target = place.standing(), place.target()
        fault.strike(place.proxy, Way.TO_CLIENT, place.size)
        outcome = through.copy(source, place.direct, target, progress=False)
        assert outcome["status"].eq("confirmed").all()
        assert Counter(place.stored(target)) == Counter(range(place.rows))

    @worst_faults
    def test_a_copy_to_a_broken_connection_has_true_outcomes(
        self, place: Place, through: Session, fault: Fault
    ) -> None:
        source, target = place.standing(), place.target()
        fault.strike(place.proxy, Way.TO_SERVER, place.size)
        outcome = place.direct.copy(source, through, target, progress=False)
        place.proxy.mend()
        assert len(outcome) == place.rows
        found = place.direct.scan(source, progress=False).to_pandas()
        numbers = dict(zip(found["id"], numbers_of(found), strict=True))
        assert_true(outcome.assign(row=outcome["source"].map(numbers)), place, target)

    def test_a_read_from_a_server_that_is_gone_is_an_error_and_no_hang(
        self, place: Place, through: Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(ConnectedInspector.read.__kwdefaults__, "stall", STALL_SECONDS)
        topic = place.standing()
        scan = through.scan(topic, progress=False)
        GONE.strike(place.proxy, Way.TO_CLIENT, place.size)
        with pytest.raises(Unavailable):
            scan.to_pandas()
        place.proxy.mend()
        assert_all(scan.to_pandas(), place.rows)


def assert_all(found: pd.DataFrame, rows: int) -> None:
    """Whether a frame has each of the numbers once, in the order of each partition."""
    assert len(found) == rows
    assert sorted(numbers_of(found)) == list(range(rows))
    for numbers in by_partition(found):
        assert numbers == sorted(numbers)


def assert_true(outcome: pd.DataFrame, place: Place, topic: str) -> None:
    """Whether each row is stored as often as its outcome says; number and row are the same."""
    once = place.direct.capabilities.idempotent_publish or not place.resends
    most = 1 if once else len(outcome)
    times = Counter(place.stored(topic))
    for status, least, limit in (("confirmed", 1, most), ("failed", 0, 0), ("unknown", 0, most)):
        rows = outcome["row"][outcome["status"] == status]
        wrong = {int(row): times[row] for row in rows if not least <= times[row] <= limit}
        assert not wrong, f"{len(wrong)} {status} rows are stored so often: {dict(list(wrong.items())[:5])}"
