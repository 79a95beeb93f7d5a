"""Settings of Sphinx: `make docs` builds these pages, and a warning, such as of a link to nowhere, is an error."""

from __future__ import annotations

project = "imagesearch"
author = copyright = "The imagesearch developers"  # noqa: A001
extensions = ["myst_parser"]
# Of the package index, where links to these pages lead nowhere.
exclude_patterns = ["package.md"]

myst_enable_extensions = ["colon_fence"]
# Each heading is an anchor, named as on GitHub, so that links work in both places.
myst_heading_anchors = 4

html_theme = "furo"
html_title = "imagesearch"
html_copy_source = False
html_show_sphinx = False
