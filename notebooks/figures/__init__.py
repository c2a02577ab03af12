"""The lectures' figures: interactive pages, each with a still picture beside it.

In a notebook that stands in ``notebooks/``::

    from figures import show
    show("gradient")

``names()`` lists them all. ``python notebooks/figures`` makes them anew. Read ``display`` for how they are
shown, ``base`` for what a figure is.
"""

from .display import names, playground, show

__all__ = ["names", "playground", "show"]
