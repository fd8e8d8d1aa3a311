"""The pages of docs/ as HTML: `make docs-html`. They are plain Markdown first; nothing in them needs Sphinx."""

import re

project = "nb-compare"
author = "the nb-compare maintainers"
extensions = ["myst_parser"]
root_doc = "index"
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]
nitpicky = True
html_theme = "alabaster"
html_title = "nb-compare"
html_theme_options = {"description": "Does a port of nanoBragg give the same image?", "page_width": "1100px",
                      "fixed_sidebar": True}
html_show_copyright = False
html_show_sourcelink = False


def contents(app, docname, source):
    """Sphinx wants a tree of contents: the pages that index.md links, in its order. A page that it does not link is a
    warning, and so an error."""
    if docname == root_doc:
        pages = "\n".join(dict.fromkeys(re.findall(r"\]\(([\w-]+)\.md\)", source[0])))
        source[0] += f"\n```{{toctree}}\n:hidden:\n:maxdepth: 1\n\n{pages}\n```\n"


def setup(app):
    app.connect("source-read", contents)
