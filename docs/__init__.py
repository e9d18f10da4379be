"""The course as static pages: ``python -m docs`` builds them in ``_site/``, from stored outputs.

Nothing is executed. The lessons come with the outputs that stand in the notebooks,
the field guide comes from the register of pitfalls.
"""
