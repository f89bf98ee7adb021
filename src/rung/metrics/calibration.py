"""Whether confidences can be believed: reliability bins, expected calibration error, Brier score, log loss.

Knows numbers only. Guo, Pleiss, Sun & Weinberger 2017; bins of equal mass after Nixon et al. 2019. N rows, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rung.metrics.value import Figure, undefined

BINS = 15
#: probabilities are clipped here before the logarithm, so that one wrong certainty costs 27.6 nats, not infinity
SMALLEST_PROBABILITY = 1e-12
Numbers = Sequence[float] | np.ndarray


@dataclass(frozen=True)
class Bin:
    """Rows of similar confidence: their mean confidence against the share that was right."""

    confidence: float
    accuracy: float
    count: int


def bin_numbers(confidences: np.ndarray, bins: int = BINS) -> np.ndarray:
    """The bin of each row, (N,): equal mass by rank; rows of one confidence always share a bin."""
    if not len(confidences):
        return np.zeros(0, dtype=np.int64)
    first = np.searchsorted(np.sort(confidences), confidences, side="left")
    return np.unique(first * min(bins, len(confidences)) // len(confidences), return_inverse=True)[1]


def reliability(confidences: Numbers, right: Numbers, bins: int = BINS) -> tuple[Bin, ...]:
    """The reliability diagram's bins, from least to most confident."""
    conf, hit = _arrays(confidences, right)
    number = bin_numbers(conf, bins)
    return tuple(
        Bin(float(conf[number == b].mean()), float(hit[number == b].mean()), int((number == b).sum()))
        for b in range(number.max() + 1 if len(number) else 0)
    )


def expected_calibration_error(confidences: Numbers, right: Numbers, bins: int = BINS) -> Figure:
    """Mean over rows of |confidence - accuracy| of the row's bin, in [0, 1].

    >>> expected_calibration_error([1.0, 1.0], [1, 0]).value
    0.5
    """
    found = reliability(confidences, right, bins)
    if not found:
        return undefined("there are no rows")
    total = sum(b.count for b in found)
    return Figure(sum(b.count * abs(b.confidence - b.accuracy) for b in found) / total)


def brier_score(probabilities_NC: np.ndarray, expected_N: Sequence[int]) -> Figure:
    """Mean over rows of the summed squared error of the probability vector, in [0, 2] (Brier 1950)."""
    probabilities = np.asarray(probabilities_NC, dtype=np.float64)
    if not len(probabilities):
        return undefined("there are no rows")
    target = np.zeros_like(probabilities)
    target[np.arange(len(probabilities)), np.asarray(expected_N)] = 1
    return Figure(float(((probabilities - target) ** 2).sum(axis=1).mean()))


def log_losses(probabilities_NC: np.ndarray, expected_N: Sequence[int]) -> np.ndarray:
    """Minus the log probability of the expected class of each row, in nats, (N,)."""
    probabilities = np.asarray(probabilities_NC, dtype=np.float64)
    found = probabilities[np.arange(len(probabilities)), np.asarray(expected_N, dtype=np.int64)]
    return -np.log(np.maximum(found, SMALLEST_PROBABILITY))


def log_loss(probabilities_NC: np.ndarray, expected_N: Sequence[int]) -> Figure:
    """Mean of `log_losses`."""
    if not len(probabilities_NC):
        return undefined("there are no rows")
    return Figure(float(log_losses(probabilities_NC, expected_N).mean()))


def _arrays(confidences: Numbers, right: Numbers) -> tuple[np.ndarray, np.ndarray]:
    conf, hit = np.asarray(confidences, dtype=np.float64), np.asarray(right, dtype=np.float64)
    if conf.shape != hit.shape or conf.ndim != 1:
        raise ValueError(f"{conf.shape} confidences and {hit.shape} outcomes")
    if len(conf) and not (np.isfinite(conf).all() and conf.min() >= 0 and conf.max() <= 1):
        raise ValueError("confidences must lie in [0, 1]")
    return conf, hit
