"""The garbage collector: what is declared once is never looked at again, and answers are rarely stopped for it.

Tables, shapes, routes and the graph are a million objects that stay; each full collection would walk over them, a
quarter of a second at a time. https://docs.python.org/3/library/gc.html#gc.freeze
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_YOUNG = 20_000
"""So many more objects than were freed before the young ones are looked at; the answer to a large query makes more."""


@contextmanager
def declaring() -> Iterator[None]:
    """Keep what is made inside out of every later collection; what had become garbage before is collected first."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        _keep()
        gc.enable()


def keep() -> None:
    """Keep what there is now out of every later collection; what is garbage is collected first."""
    gc.collect()
    _keep()


def _keep() -> None:
    gc.freeze()
    gc.set_threshold(_YOUNG)
