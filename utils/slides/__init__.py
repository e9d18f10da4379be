"""Each lesson as slides.

``python -m utils.slides 03`` writes ``build/slides/03_double_softmax.html``.
One file a lesson, with fonts and scripts inside: it needs a browser and no network.
How cells become slides is a rule (`utils.slides.deck`), not metadata.
"""
