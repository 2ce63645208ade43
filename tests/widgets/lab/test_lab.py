"""The browser, the notebooks and the canary do what the other tests here rely on."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from brokerkit.testing.waiting import eventually

from .canary import FUNCTION, NOWHERE
from .conftest import Opening

ALIVE = {
    "call": f"<img src=x onerror={FUNCTION}('alive')>",
    "request": f"<img src={NOWHERE}image>",
    "dialog": "<img src=x onerror=alert('alive')>",
}


def test_cells_run_and_the_kernel_answers(open_notebook: Opening) -> None:
    notebook = open_notebook("a = 20", "a + 1")
    notebook.run_all()
    expect(notebook.output(1)).to_contain_text("21")
    notebook.write(0, "a = [1, None]")
    notebook.run(0)
    assert notebook.ask("a") == [1, None]
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        notebook.ask("1 / 0")


def test_an_error_in_a_cell_fails_the_test(open_notebook: Opening) -> None:
    notebook = open_notebook("1 / 0")
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        notebook.run_all()


@pytest.mark.parametrize(
    "what", [pytest.param(what, marks=() if what == "call" else pytest.mark.extended) for what in ALIVE]
)
def test_the_canary_notices_what_comes_alive(open_notebook: Opening, what: str) -> None:
    notebook = open_notebook(f"from IPython.display import HTML\nHTML({ALIVE[what]!r})")
    notebook.canary.armed = False
    notebook.run_all()
    expect(notebook.output(0).locator("img")).to_have_count(1)
    seen = eventually(lambda: notebook.canary.seen, f"a {what} is noticed")
    assert seen[0].startswith(what)
