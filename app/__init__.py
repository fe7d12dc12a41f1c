"""Throughline: the open service that connects learning to business results."""

import os

# The engine's matrices are small, and requests already run side by side: threads inside one of them only wait for
# each other when the machine is busy (a hundred times slower at its worst). To be set before numpy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__version__ = "0.1.0"
