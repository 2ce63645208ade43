"""Configuration of the documentation site; build it with ``python -m sphinx -W notebooks build/site``."""

from __future__ import annotations

import builtins
from datetime import date
from typing import Any

from sphinx import addnodes

from brokerkit import __version__

project = "brokerkit"
author = "the brokerkit developers"
project_copyright = f"{date.today().year}, {author}"
version = release = __version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.intersphinx",
    "sphinx_copybutton",
]
exclude_patterns = ["build", ".ipynb_checkpoints", "guides/example_backend"]
intersphinx_mapping: dict[str, tuple[str, str | None]] = {}
# in docstrings, `name` is code
default_role = "code"

# the notebooks are stored with their outputs, and tests execute them
nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
# widgets need a kernel: a page shows the picture or the table that is stored beside them
nb_mime_priority_overrides = [
    ("html", "application/vnd.jupyter.widget-view+json", None),
]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": True}
autoclass_content = "class"

html_theme = "pydata_sphinx_theme"
html_title = f"brokerkit {version}"
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": True,
    "secondary_sidebar_items": ["page-toc"],
}


def _plain_builtins(app: Any, doctree: Any) -> None:
    """Leave types such as bytes without a link: some classes have an attribute of that name."""
    for node in list(doctree.findall(addnodes.pending_xref)):
        if node.get("refdomain") == "py" and node["reftarget"] in vars(builtins):
            node.replace_self(node.children)


def setup(app: Any) -> None:
    app.connect("doctree-read", _plain_builtins)
