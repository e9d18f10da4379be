"""Sphinx's settings; what is not here is as Sphinx has it."""

import os
from importlib.util import find_spec
from pathlib import Path

project = "Loss & Found"
html_title = project
author = "the authors of Loss & Found"
project_copyright = "the authors; code BSD-3-Clause, prose CC BY 4.0"
language = "en-GB"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax"]

nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "deflist", "colon_fence", "attrs_block"]
myst_heading_anchors = 3

default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # types stand in the docstrings
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False

html_theme = "furo"
html_static_path = [os.path.join(os.path.dirname(__file__), "static")]
html_css_files = ["site.css", "print.css"]
html_js_files = [("focus.js", {"defer": "defer"})]
html_favicon = os.path.join(os.path.dirname(__file__), "static", "icon.svg")
html_show_sphinx = False
html_copy_source = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#005A8C", "color-brand-content": "#005A8C"},
    "dark_css_variables": {"color-brand-primary": "#56B4E9", "color-brand-content": "#56B4E9"},
}

# MathJax from the environment, and of it only the one file with the TeX input
# and the fonts that it fetches.
_MATHJAX = Path(find_spec("sphinx-mathjax-offline").origin).parent / "static" / "mathjax"
mathjax_path = "mathjax/tex-chtml-full.js"
mathjax3_config = {"options": {"enableMenu": False}}


def setup(app):
    """Copy MathJax when the build is done."""
    from sphinx.util.fileutil import copy_asset

    def copy(app, failure):
        if failure is None:
            for part in ("tex-chtml-full.js", "output/chtml/fonts/woff-v2"):
                target = Path(app.outdir, "_static", "mathjax", part)
                copy_asset(_MATHJAX / part, target if (_MATHJAX / part).is_dir() else target.parent)

    app.connect("build-finished", copy)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
