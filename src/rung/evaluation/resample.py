"""Which rows stand or fall together, and bootstrap weights over them. Knows nothing about metrics or arms.

A *unit* is what the bootstrap draws: a row, or all rows of one `group` where groups exist (Davison & Hinkley 1997, 3.8).
Shapes: N rows, G units, B resamples, K arms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 2000


@dataclass(frozen=True)
class Units:
    """The units of a test set.

    Attributes:
        index_N: the unit of each row, 0..G-1. sizes_G: rows of each unit. grouped: whether any unit holds several rows by design.
    """

    index_N: np.ndarray
    sizes_G: np.ndarray
    grouped: bool

    @property
    def count(self) -> int:
        """G: how many independent pieces of evidence there are."""
        return len(self.sizes_G)

    @property
    def rows(self) -> int:
        """N."""
        return len(self.index_N)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Per-unit sums of per-row `values`, (N,) or (N, F) -> (G,) or (G, F)."""
        if not self.grouped:
            return np.asarray(values, dtype=np.float64)
        out = np.zeros((self.count, *np.shape(values)[1:]))
        np.add.at(out, self.index_N, values)
        return out


def units_of(groups: Sequence[str | None] | int) -> Units:
    """The units of rows with these groups (None is a unit of its own), or of a number of ungrouped rows."""
    if isinstance(groups, int):
        return Units(np.arange(groups), np.ones(groups), False)
    if all(group is None for group in groups):
        return units_of(len(groups))
    numbers: dict[object, int] = {}
    keys = [("row", i) if group is None else group for i, group in enumerate(groups)]
    index = np.array([numbers.setdefault(key, len(numbers)) for key in keys])
    return Units(index, np.bincount(index).astype(np.float64), True)


def weights_BG(units: Units, *, resamples: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """How often each resample drew each unit, float32, (B, G); every row of it sums to G."""
    count = units.count
    random = np.random.default_rng([seed, count, resamples])
    drawn = random.integers(0, count, size=(resamples, count), dtype=np.int64)
    drawn += np.arange(resamples, dtype=np.int64)[:, None] * count
    return np.bincount(drawn.ravel(), minlength=resamples * count).reshape(resamples, count).astype(np.float32)


def resampled_means(weights: np.ndarray, units: Units, values: np.ndarray) -> np.ndarray:
    """Mean over rows of `values` (N, F) in every resample, float64, (B, F)."""
    totals = weights @ units.sums(values).astype(np.float32)
    return totals.astype(np.float64) / (weights @ units.sizes_G.astype(np.float32)).astype(np.float64)[:, None]
