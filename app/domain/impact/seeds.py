"""Chance from a recorded seed: the same seed gives the same draws on every machine."""

from __future__ import annotations

import numpy as np


def generator(seed: int) -> np.random.Generator:
    """Return a new generator (PCG64) of this seed, 0 or above."""
    return np.random.Generator(np.random.PCG64(seed))
