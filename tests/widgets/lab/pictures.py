"""The pictures of a notebook's widgets, taken in JupyterLab and kept as the outputs of their cells.

python -m tests.widgets.lab.pictures notebooks/03_browse_and_repair.ipynb

GitHub and nbviewer have no kernel: what they show of a widget is this picture. The other outputs are
those of the same run. A cell has a picture where it is tagged `nbval-ignore-output`.
"""

from __future__ import annotations

import base64
import sys
import tempfile
from pathlib import Path

import nbformat

from .chromium import ENABLE, executable, launched
from .notebook import SIZE, OpenNotebook
from .server import Lab

TAG = "nbval-ignore-output"
SHOWN = ".bk-detail .bk-pairs dd, tbody tr[tabindex], .bk-problems li"
"""A message in a browser, a row in a tail, a check in a composer: the widget has what it is to show."""


def take(file: Path) -> None:
    """Run a notebook, and write it back with outputs and pictures."""
    path = executable()
    if path is None:
        raise SystemExit(f"there is no Chromium: {ENABLE}")
    notebook = nbformat.read(file, 4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    sources = tuple(cell.source for cell in cells)
    pictures: dict[int, str] = {}
    with Lab() as lab, launched(path) as browser, tempfile.TemporaryDirectory() as folder:
        context = browser.new_context(viewport=SIZE)
        opened = OpenNotebook(lab, context, file.name, sources, theme="light", pictures=Path(folder))
        for number, cell in enumerate(cells):
            opened.run(number)
            if TAG in cell.metadata.get("tags", []):
                opened.cell(number).locator(SHOWN).first.wait_for()
                shot = opened.screenshot(str(number), opened.panel(number).first)
                pictures[number] = base64.b64encode(shot.read_bytes()).decode()
        ran = nbformat.read(opened.save(), 4)
        opened.close()
    for number, cell in enumerate(cells):
        cell.outputs, cell.execution_count = ran.cells[number].outputs, number + 1
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = number + 1
                if number in pictures:
                    output.data = {"image/png": pictures[number], "text/plain": output.data["text/plain"]}
    nbformat.write(notebook, file)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        take(Path(name))
