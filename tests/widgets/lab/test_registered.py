"""A topic whose messages name schemas of a registry: browsed, filtered, sent again, followed and composed."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from brokerkit.sandbox.registries import RegistryServer

from .conftest import Opening
from .test_browse import button, call, lines
from .test_compose import checks, value
from .test_tail import rows
from .test_workbench import tab

SETUP = """
import brokerkit as bk
s = bk.connect("inmem://", registry={address!r})
s.create_topic("orders")
def order(*fields):
    return {{"type": "record", "name": "Order", "fields": [{{"name": n, "type": t}} for n, t in fields]}}
s.register_schema("orders", order(("id", "long"), ("city", "string")))
for n in range(20):
    s.publish("orders", {{"id": 2**62 + n, "city": ["Berlin", "Bern"][n % 2]}}, schema=True, key=f"c{{n}}")
s.publish("orders", '{{"id": 1, "city": "Bonn"}}')
s.register_schema("orders", order(("id", "long"), ("city", "string"), ("paid", "boolean")))
s.publish("orders", {{"id": 7, "city": "Basel", "paid": True}}, schema=True)
"""


@pytest.mark.broker
@pytest.mark.extended
def test_messages_with_schemas_are_browsed_filtered_followed_and_sent_with_the_schema_of_their_row(
    open_notebook: Opening, schema_registry_server: RegistryServer
) -> None:
    notebook = open_notebook(
        SETUP.format(address=schema_registry_server.address),
        'browser = s.browse("orders")\nbrowser',
        'tail = s.tail("orders", interval=0.2)\ntail',
        'composer = s.compose("orders", message=s.peek("orders", where=lambda value: value["id"] == 2**62))\ncomposer',
    )
    notebook.run_all()
    # other tests may have used the registry before
    own = notebook.ask("s.peek('orders', where=lambda value: value['id'] == 2**62)['schema'].iloc[0]")
    panel = notebook.panel(1).first
    newest, bare, older = (lines(panel).nth(place) for place in range(3))
    expect(newest).to_contain_text("confluent+avro")
    expect(bare).to_contain_text('{"id": 1, "city": "Bonn"}')
    expect(bare).not_to_contain_text("avro")

    older.click()
    message = panel.get_by_role("region", name="The chosen message")
    expect(message.get_by_role("treeitem").filter(has_text="id").last).to_contain_text(str(2**62 + 19))
    message.get_by_role("tab", name="Layers").click()
    expect(message).to_contain_text(
        re.compile(f"the first 5 bytes name the schema {own}.*uses up every byte", re.DOTALL)
    )
    message.get_by_role("tab", name="Tree").click()
    city = message.get_by_role("treeitem").filter(has_text="city").last
    city.hover()
    city.get_by_role("button", name="+ column").click()
    expect(panel.get_by_role("columnheader").filter(has_text=".city")).to_be_visible()
    city.hover()
    city.get_by_role("button", name="= filter").click()
    expect(panel.get_by_text(re.compile("^Complete: 10 rows"))).to_be_visible()
    assert notebook.ask("browser.frame.equals(eval(browser.call))")

    lines(panel).first.click()
    panel.get_by_role("button", name="Edit and resend").click()
    composing = notebook.panel(1).nth(1)
    text = value(composing)
    text.fill(text.input_value().replace("Bern", "Biel"))
    expect(checks(composing)).to_contain_text("✓ ready to send")
    button(composing, "Send").click()
    expect(composing).to_contain_text("1 confirmed")
    asked = "s.peek('orders', 1)[['value', 'schema', 'format']].iloc[0].tolist()"
    sent, schema, form = notebook.ask(asked)
    assert sent == f'{{"id":{2**62 + 19},"city":"Biel"}}'
    assert form == "confluent+avro"
    assert schema == own

    tab(panel, "Messages").click()
    panel.get_by_label("Read values as").select_option("avro")
    expect(call(panel)).to_contain_text("decode='avro'")
    tab(panel, "Schema").click()
    expect(panel).to_contain_text("paid")
    notebook.screenshot("workbench-schema", panel)

    followed = notebook.panel(2)
    expect(rows(followed).last).to_contain_text("Biel")
    followed.get_by_label("Only where", exact=True).fill("Basel")
    expect(rows(followed)).to_have_count(1)
    notebook.do('s.publish("orders", {"id": 8, "city": "Basel", "paid": False}, schema=True)')
    expect(rows(followed)).to_have_count(2)

    composer = notebook.panel(3)
    value(composer).fill('{"id": "seven", "city": "x"}')
    expect(checks(composer)).to_contain_text("does not fit")
    expect(button(composer, "Send")).to_be_disabled()
    value(composer).fill(f'{{"id": {2**62}, "city": "Chur"}}')
    button(composer, "Send").click()
    expect(composer).to_contain_text("1 confirmed")
    assert notebook.ask("s.peek('orders', 1)['schema'].iloc[0]") == schema
