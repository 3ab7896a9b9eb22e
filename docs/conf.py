"""How Sphinx builds the site and the man pages. `make docs` runs it over the whole checkout, so
that every link between pages leads to the same file in the repository and on the site.
"""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

from pygments.lexers.special import TextLexer  # noqa: E402
from sphinx.application import Sphinx  # noqa: E402

import seemachine  # noqa: E402

project = "seemachine"
author = "the seemachine maintainers"
version = release = seemachine.__version__
copyright = author  # noqa: A001

extensions = ["myst_parser", "sphinx.ext.autodoc", "docstrings", "parsers", "manpages"]
root_doc = "docs/index"
include_patterns = ["*.md", "docs/**.md", "deploy/README.md", "container/README.md"]
exclude_patterns = [".*", "build", "dist", "client", "seemachine", "tests", "benchmarks"]

myst_heading_anchors = 4
myst_enable_extensions = ["deflist"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_default_options = {"members": True}
smartquotes = False

html_theme = "furo"
html_title = f"seemachine {release}"
html_extra_path = ["_static/index.html"]
html_show_sphinx = False
html_copy_source = False

man_make_section_directory = True
man_pages = [
    ("docs/reference/commands", "seemachine", "run and look after mock nShield HSMs", author, 1),
    ("docs/reference/pipsqueak", "pipsqueak", "LMS keys and signatures on HSMs", author, 1),
]


def setup(app: Sphinx) -> None:
    """The protocol's bytes are marked as `hex`, which its test looks for."""
    app.add_lexer("hex", TextLexer)
