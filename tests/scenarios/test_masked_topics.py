"""Personal data in a topic of a real Kafka, in Avro and JSON, reaches no output of a masked connection."""

from __future__ import annotations

import json
import logging
import traceback
import uuid
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.sandbox.registries import SchemaRegistryServer
from brokerkit.testing import waiting
from brokerkit.widgets.browse.state import state_of as browser_state
from brokerkit.widgets.row_view import detail_view, rows_view
from brokerkit.widgets.tail.view import state_of as tail_state
from tests.session.test_masking import AVRO, AVRO_ROW, EMAIL, MASKS, NAME, avro, check, messages
from tests.widgets.test_browse import browse, say, told


@pytest.mark.parametrize(
    "mask",
    ["detectors", *(pytest.param(each, marks=pytest.mark.extended) for each in ("paths", "allow", "hash"))],
)
def test_no_output_of_a_masked_connection_shows_what_is_hidden(
    kafka_server: KafkaServer,
    schema_registry_server: SchemaRegistryServer,
    mask: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    topic = f"people-{uuid.uuid4().hex[:8]}"
    caplog.set_level(logging.DEBUG)
    registry = schema_registry_server.address
    with (
        bk.connect(kafka_server.address, registry=registry) as writer,
        bk.connect(kafka_server.address, registry=registry, mask=MASKS[mask]) as s,
    ):
        writer.create_topic(topic)
        number = writer.register_schema(topic, AVRO).id
        assert isinstance(number, int)
        framed = b"\0" + number.to_bytes(4, "big") + avro(AVRO_ROW)
        planted = [*messages(), *(bk.OutboundMessage(data, key=framed) for data in (framed, framed[:-3]))]
        writer.publish_batch(topic, planted)
        assert EMAIL in str(writer.peek(topic)["value"].tolist())

        frame = s.peek(topic)
        assert len(frame) == len(planted)
        assert "masked+confluent+avro" in set(frame["format"].dropna())
        check(frame, s.last_read, *(s.explain(frame.iloc[row]) for row in range(len(frame))))
        for decode in ("json", "text", "raw", bk.avro(json.dumps(AVRO), skip=5)):
            check(s.peek(topic, decode=decode), s.peek(topic, decode=decode, expand=True))
        scan = s.scan(topic, progress=False)
        check(scan, scan.to_pandas(), scan.to_arrow(), s.reread(frame), bk.plain(frame, "csv"))
        scan.to_parquet(tmp_path / "out")
        check(*(pd.read_parquet(file) for file in (tmp_path / "out").rglob("*.parquet")))
        check(s.pull(topic, 100, subscription=f"{topic}-a", start="earliest", timeout=20), s.last_pull)
        for batch in s.batches(topic, subscription=f"{topic}-b", start="earliest", idle=2):
            with batch:
                check(batch, batch.frame)

        def wrong(value: Any) -> bool:
            raise ValueError(f"cannot judge {value!r}")

        with pytest.warns(bk.FilterWarning) as noted:
            s.peek(topic, where=wrong)
        check(*(str(each.message) for each in noted))
        assert s.peek(topic, where=NAME).empty
        assert s.peek(topic, key=EMAIL).empty
        for attempt in (
            lambda: bk.failures(frame),
            lambda: s.publish_frame(topic, frame),
            lambda: s.copy(topic, s, f"{topic}-again"),
            lambda: s.consumer(topic, f"{topic}-c"),
        ):
            with pytest.raises(bk.BrokerError) as error:
                attempt()
            # without this function, whose variables have what is planted
            seen = error.value.__traceback__.tb_next if error.value.__traceback__ else None
            told_by = traceback.TracebackException(type(error.value), error.value, seen, capture_locals=True)
            check("".join(told_by.format()))

        with pytest.raises(bk.ConfigError, match="masked"):
            s.compose(topic, frame=frame)

        browser = browse(s, topic)
        sent = told(browser)
        for place in range(len(browser._model.rows.result)):
            say(browser, "select", place=place)
            for form in ("tree", "text", "hex", "decoded"):
                say(browser, "payload", form=form)
        check(json.dumps([sent, browser_state(browser._model)], default=str), browser, browser.frame)
        tail = s.tail(topic)
        waiting.eventually(lambda: len(tail.frame) >= 20, "the tail shows the newest", within=60)
        first, rows = tail._model.kept.newest(100)
        views = [rows_view(rows, first), [detail_view(rows.slice(row, 1)) for row in range(rows.num_rows)]]
        check(json.dumps([tail_state(tail._model), views], default=str), tail, tail.frame, tail.notes)
        tail.stop()
    check(caplog.text, *capfd.readouterr())
