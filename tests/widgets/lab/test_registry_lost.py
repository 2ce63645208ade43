"""Formats, layers and failures, clicked in JupyterLab while a registry is lost and once it is back."""

from __future__ import annotations

import base64
import gzip
import re

import pytest
from playwright.sync_api import expect

from brokerkit.testing import eventually
from tests.session.test_registry_lost import Registry, payload

from .conftest import Opening
from .test_browse import button, call, lines
from .test_tail import rows

PACKED = base64.b64encode(base64.b64encode(gzip.compress(b'{"packed":true}')))
SETUP = """
import brokerkit as bk
s = bk.connect("inmem://", registry={address!r})
s.create_topic("orders")
s.publish("orders", {known!r}, key="k")
assert s.peek("orders")["value"].tolist() == ['{{"a":1}}']
s.publish("orders", {unknown!r}, key="k")
s.publish("orders", {packed!r}, key="k")
"""


@pytest.mark.extended
def test_what_a_lost_registry_did_not_tell_is_a_failure_with_its_reason_until_it_is_back(
    open_notebook: Opening,
) -> None:
    registry = Registry("refuses")
    with registry.web:
        notebook = open_notebook(
            SETUP.format(address=registry.web.url, known=payload(0), unknown=payload(1), packed=PACKED),
            'browser = s.browse("orders")\nbrowser',
            'tail = s.tail("orders", interval=0.2, start="earliest")\ntail',
        )
        notebook.run_all()
        panel = notebook.panel(1).first
        packed, lost, known = (lines(panel).nth(place) for place in range(3))
        expect(packed).to_contain_text("base64+base64+gzip+json")
        expect(known).to_contain_text('{"a":1}')
        expect(known).to_contain_text("confluent+avro")
        expect(lost).to_contain_text("confluent")
        notebook.screenshot("registry-lost", panel)

        lost.click()
        message = panel.get_by_role("region", name="The chosen message")
        expect(message).to_contain_text("Not decoded: ")
        expect(message).to_contain_text(re.compile("id 2: .*said 503"))
        message.get_by_role("tab", name="Layers").click()
        expect(message).to_contain_text("said 503")
        notebook.screenshot("registry-lost-layers", panel)
        packed.click()
        message.get_by_role("tab", name="Layers").click()
        expect(message).to_contain_text(re.compile("base64.*base64.*gzip.*json", re.DOTALL))
        notebook.screenshot("layers-of-base64", panel)

        followed = notebook.panel(2)
        expect(rows(followed)).to_have_count(3)
        rows(followed).nth(1).click()
        detail = followed.get_by_role("region", name="Selected message")
        notebook.screenshot("tail-registry-lost", followed)
        expect(detail).to_contain_text("said 503")

        # as bytes nothing fails, and by itself the registry is asked again
        formats = panel.get_by_label("Read values as")
        formats.select_option("raw")
        expect(call(panel)).to_contain_text("decode='raw'")
        expect(lines(panel).nth(1)).to_contain_text("bytes")
        registry.lost = False
        asked = "int(s.peek('orders')['value'].isna().sum())"
        eventually(lambda: notebook.ask(asked) == 0, "the registry answers the session again", within=60)
        formats.select_option("auto")
        expect(lines(panel).nth(1)).to_contain_text('{"b":"x"}')
        lines(panel).nth(1).click()
        expect(message).not_to_contain_text("Not decoded: ")
        assert notebook.ask("sorted(browser.frame['schema'].dropna())") == ["id 1", "id 2"]

        notebook.do(f"s.publish('orders', {payload(1)!r}, key='k')")
        expect(rows(followed).nth(3)).to_contain_text('{"b":"x"}')
        button(followed, "Stop").click()
