"""Ten more everyday tasks, done by hand in JupyterLab; the guide `everyday_tasks.md` says how many clicks each takes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from .conftest import Opening
from .notebook import SECONDS
from .test_browse import call
from .test_compose_bulk import DROP
from .test_everyday_tasks import Desk

TABLE = Path(__file__).parents[3] / "notebooks" / "guides" / "everyday_tasks.md"
SETUP = """
import json, time
from datetime import UTC, datetime, timedelta
import brokerkit as bk
from brokerkit.core import OutboundMessage
s = bk.connect("inmem://")
for name in ("orders", "bills", "mails", "orders-dlq", "prices"):
    s.create_topic(name)
s.create_topic("kept", retention_messages=100)
s.create_subscription("orders", "billing", start="earliest")
now = datetime.now(UTC)
def order(n):
    return {"order": n, "service": ["mail", "bill"][n % 2], "state": "failed" if n % 20 == 4 else "sent"}
s.publish_batch("orders", [
    OutboundMessage(json.dumps(order(n)), key=f"c{n}", attributes=[("trace", f"tr-{n % 50}")],
                    publish_time=now - timedelta(minutes=600 - n))
    for n in range(600)])
for name in ("bills", "mails"):
    s.publish_batch(name, [OutboundMessage('{"paid": 1}', attributes=[("trace", f"tr-{n}")]) for n in range(60)])
s.publish_batch("orders-dlq", [
    OutboundMessage('{"lost": 1}', key=f"d{n}", attributes=[("dead-letter-reason", "no address")]) for n in range(20)])
for day, price in ((1.5, 10), (0.5, 12)):
    s.publish_batch("prices", [
        OutboundMessage(json.dumps({"price": price if n == 3 else 7}), key=f"k{n}", publish_time=now - timedelta(days=day))
        for n in range(5)])
s.publish("mails", bytes.fromhex("82a2696407a46e616d65a3616461"))
None
"""
LINES = [f"{n};c-{n};{n},50" for n in range(20)]
LINES[4], LINES[9] = "4;c-4;n/a", '9;c-9;"9,50'


def topic(desk: Desk, name: str) -> None:
    desk.click(desk.panel.get_by_role("region", name="Topics").get_by_text(name, exact=True).first)


def tab(desk: Desk, name: str) -> None:
    desk.click(desk.panel.get_by_role("tab", name=re.compile(f"^{name}")))


def python_filter(desk: Desk, source: str) -> None:
    desk.click("Python", where=desk.panel.get_by_role("group", name="How the value is filtered"))
    desk.type(desk.panel.get_by_label("Filter of the value"), source, enter=True)


def export_what_matches(desk: Desk) -> None:
    desk.type(desk.panel.get_by_label("Filter of the value"), "failed", enter=True)
    desk.complete("^Complete: 30 rows")
    desk.click("Export")
    with desk.notebook.page.expect_download(timeout=1_000 * SECONDS) as saved:
        desk.click(desk.notebook.page.locator(".bk-export").get_by_role("button", name="Export", exact=True))
    assert len(saved.value.path().read_text().splitlines()) == 31


def newest_failing_of_a_service(desk: Desk) -> None:
    python_filter(desk, "value['service'] == 'mail' and value['state'] == 'failed'")
    desk.complete("^Complete: 30 rows")
    desk.click(desk.lines.first)
    expect(desk.message).to_contain_text("offset 584")


def twenty_dead_letters_back(desk: Desk) -> None:
    tab(desk, "Dead letters")
    desk.click(desk.panel.get_by_label("Choose all that are listed"))
    desk.type(desk.panel.get_by_label("Back to"), "orders")
    desk.click("Dry run")
    desk.click("Redrive 20")
    expect(desk.panel.get_by_text("20 confirmed")).to_be_visible()
    assert desk.notebook.ask("len(s.peek('orders', where='lost'))") == 20


def reset_a_group_one_hour(desk: Desk) -> None:
    tab(desk, "Subscriptions")
    desk.click(desk.panel.get_by_role("row").filter(has_text="billing"))
    desk.click("1 h ago")
    desk.click("Reset billing")
    expect(desk.panel.get_by_text("what became of it")).to_be_visible()
    # those of the last hour: it began with the oldest of 600
    assert 50 < desk.notebook.ask("int(s.subscriptions('orders')['lag'].sum())") < 90


def who_reads(desk: Desk) -> None:
    tab(desk, "Subscriptions")
    expect(desk.panel.get_by_role("row").filter(has_text="billing")).to_be_visible()


def which_setting_differs(desk: Desk) -> None:
    topic(desk, "kept")
    tab(desk, "Configuration")
    changed = desk.panel.get_by_role("row").filter(has_text="retention_messages")
    expect(changed.get_by_role("img", name="differs from the default")).to_be_visible()


def bulk_publish(desk: Desk) -> None:
    desk.click("New message")
    desk.click("Many, from a file or frame", where=desk.beside)
    zone = desk.beside.get_by_role("group", name="Where the messages come from")
    zone.evaluate(DROP, ["refunds.csv", "\n".join(["order;customer;amount", *LINES])])
    desk.clicks += 1
    expect(desk.beside.get_by_role("table", name="Bad lines").locator("tbody tr")).to_have_count(2)
    desk.beside.get_by_label("What customer becomes").select_option("key")
    desk.clicks += 2
    expect(desk.beside.get_by_role("region", name="Preview")).to_contain_text("c-0")
    expect(call(desk.panel)).to_contain_text(
        "bk.read_rows(browser.composer.rows.source.given, key='customer'"
    )
    desk.click("Send 18", where=desk.beside)
    expect(desk.beside).to_contain_text("18 confirmed")
    assert desk.notebook.ask("len(s.peek('orders', 1000, where='amount'))") == 18


def decode_what_is_unreadable(desk: Desk) -> None:
    topic(desk, "mails")
    desk.panel.get_by_label("Read values as").select_option("msgpack")
    desk.clicks += 2
    expect(desk.lines.first).to_contain_text("ada")


def yesterday_and_today(desk: Desk) -> None:
    output = desk.python('bk.diff(s.scan("prices", start="-2d", end="-1d"), s.scan("prices", start="-1d"))')
    expect(output).to_contain_text("1 changed")


def one_correlation_id(desk: Desk) -> None:
    # the header of one message leads to all with it in its topic; other topics are a line of Python
    output = desk.python(
        'for t in ["orders", "bills", "mails"]: df = s.peek(t, 999); print(t, (bk.attr(df, "trace") == "tr-7").sum())'
    )
    for text in ("orders 12", "bills 1", "mails 1"):
        expect(output).to_contain_text(text)


TASKS: dict[str, Callable[[Desk], None]] = {
    "export what matches": export_what_matches,
    "the newest failing of a service": newest_failing_of_a_service,
    "reset a group one hour": reset_a_group_one_hour,
    "who reads this topic": who_reads,
    "which setting differs from the default": which_setting_differs,
    "decode what is unreadable": decode_what_is_unreadable,
    "compare yesterday's with today's": yesterday_and_today,
    "follow one correlation id over three topics": one_correlation_id,
    "move 20 dead letters back": twenty_dead_letters_back,
    "publish a semicolon CSV with two bad lines": bulk_publish,
}


def table() -> dict[str, tuple[int, int]]:
    """What the guide says: task -> clicks, keys."""
    rows = re.findall(r"^\| (.+?) \|.*?\| (\d+) \| (\d+) \|", TABLE.read_text("utf-8"), re.MULTILINE)
    return {task: (int(clicks), int(keys)) for task, clicks, keys in rows}


@pytest.mark.extended
@pytest.mark.timeout(900)
def test_each_task_takes_the_clicks_and_keys_that_the_guide_says(open_notebook: Opening) -> None:
    notebook = open_notebook(SETUP, "None", "None")
    notebook.run(0)
    counted = {}
    for task, act in TASKS.items():
        desk = Desk(notebook)
        act(desk)
        notebook.screenshot(f"task-{act.__name__}")
        counted[task] = (desk.clicks, desk.keys)
    assert counted == table()
