"""Logistic regression with a prior mean, fast on many rows, classes and dimensions. Knows arrays only.

Minimises  sum over rows of loss + |W - P|^2 / (2 C),  with softmax loss (one label) or a sigmoid per label (several). P is what is
believed before any example is seen; P = 0 is ridge-penalised logistic regression (le Cessie and van Houwelingen 1992), with
scikit-learn's meaning of C. Solved by L-BFGS (Liu and Nocedal 1989) in coordinates where the loss's curvature is about one in
every direction: axes of the covariance, each scaled by the root of its variance plus penalty. Sentence vectors vary a
thousandfold more in some directions than in others, and without this the same solution takes three times as long.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from rung.models.base import Floats

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

#: Penalty of the bias, as examples seen of every class: keeps a class without examples finite, moves nothing else.
BIAS_PENALTY = 1e-2
#: Directions with less than this share of the largest variance are rounding noise.
RANK_TOLERANCE = 1e-7
#: L-BFGS stops when a step lowers the loss by less than this share; accuracy moves by under 0.05 points below 1e-5.
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Linear:
    """scores = X @ weights_KD.T + bias_K."""

    weights_KD: Floats
    bias_K: Floats

    def scores(self, rows_ND: Floats) -> Floats:
        """Log-odds up to a constant per row (N, K)."""
        return np.asarray(rows_ND @ self.weights_KD.T + self.bias_K, np.float32)

    def probabilities(self, rows_ND: Floats, *, several: bool = False) -> np.ndarray:
        """Per class, float64 (N, K): rows sum to 1, or each class on its own where `several`."""
        scores = self.scores(rows_ND).astype(np.float64)
        if several:
            return np.asarray(1 / (1 + np.exp(-np.clip(scores, -500, 500))))
        exp = np.exp(scores - scores.max(axis=1, keepdims=True, initial=-np.inf))
        return np.asarray(exp / exp.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class Rotated:
    """Training rows in the axes of their covariance; made once, solved for many C and P."""

    rows_NR: Floats
    mean_D: Floats
    axes_DR: Floats
    variance_R: Floats

    @classmethod
    def of(cls, rows_ND: Floats) -> Rotated:
        """Centre and rotate `rows_ND`; directions without variance are dropped (their weights stay at the prior)."""
        mean = rows_ND.mean(0)
        centred = rows_ND - mean
        if len(rows_ND) < rows_ND.shape[1]:  # fewer rows than dimensions: the small Gram matrix has the same axes
            variance, left = np.linalg.eigh(centred @ centred.T / len(rows_ND))
            keep = variance > RANK_TOLERANCE * max(float(variance[-1]), 1e-30)
            variance = variance[keep]
            axes = centred.T @ (left[:, keep] / np.sqrt(variance * len(rows_ND)))
        else:
            variance, axes = np.linalg.eigh(centred.T @ centred / len(rows_ND))
            keep = variance > RANK_TOLERANCE * max(float(variance[-1]), 1e-30)
            variance, axes = variance[keep], axes[:, keep]
        return cls(centred @ axes, mean, axes, variance)

    def solve(
        self,
        wanted_NK: Floats,
        strength: float,
        prior_KD: Floats,
        *,
        several: bool = False,
        start: Linear | None = None,
        tolerance: float = TOLERANCE,
    ) -> Linear:
        """The best weights at C = `strength`; `start` is a solution of a similar problem, to begin from."""
        from scipy.optimize import minimize

        n, k = wanted_NK.shape
        scale_R = np.sqrt(self.variance_R + k / (strength * n)).astype(np.float32)
        rows_NR = self.rows_NR / scale_R
        penalty_R = 1 / (strength * scale_R * scale_R)
        offset_NK = self.rows_NR @ (prior_KD @ self.axes_DR).T
        objective = _objective(rows_NR, wanted_NK, offset_NK, penalty_R, several)
        first = np.zeros((k, len(scale_R) + 1))
        if start is not None:
            first[:, :-1] = ((start.weights_KD - prior_KD) @ self.axes_DR) * scale_R
            first[:, -1] = start.bias_K + start.weights_KD @ self.mean_D
        with _one_thread_for_scipy():
            found = minimize(
                objective,
                first.ravel(),
                jac=True,
                method="L-BFGS-B",
                options={"maxiter": 200, "ftol": tolerance, "gtol": 1e-7},
            )
        moved = found.x.astype(np.float32).reshape(k, -1)
        weights = prior_KD + (moved[:, :-1] / scale_R) @ self.axes_DR.T
        return Linear(weights.astype(np.float32), (moved[:, -1] - weights @ self.mean_D).astype(np.float32))


@cache
def _scipy_blas() -> ThreadpoolController:
    """SciPy's own BLAS, which the minimiser uses for vectors; NumPy's, for the products of the objective, is another."""
    import scipy.linalg  # noqa: F401 loads it
    from threadpoolctl import ThreadpoolController

    everything = ThreadpoolController()
    return everything.select(filepath=[x.filepath for x in everything.lib_controllers if "scipy.libs" in x.filepath])


def _one_thread_for_scipy() -> AbstractContextManager[object]:
    """The minimiser's vectors are short: two threads would wait for each other, on a busy machine twenty times as long."""
    return _scipy_blas().limit(limits=1)


def _objective(
    rows_NR: Floats, wanted_NK: Floats, offset_NK: Floats, penalty_R: Floats, several: bool
) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
    """Loss and gradient per row, of weights and bias in one vector; float32 inside, float64 outside."""
    n, k = wanted_NK.shape

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        values = flat.astype(np.float32).reshape(k, -1)
        weights_KR, bias_K = values[:, :-1], values[:, -1]
        scores = rows_NR @ weights_KR.T
        scores += offset_NK
        scores += bias_K
        loss, errors_NK = _sigmoid_loss(scores, wanted_NK) if several else _softmax_loss(scores, wanted_NK)
        penalised = weights_KR * penalty_R
        gradient = np.empty_like(values)
        gradient[:, :-1] = errors_NK.T @ rows_NR + penalised
        gradient[:, -1] = errors_NK.sum(0) + BIAS_PENALTY * bias_K
        loss += 0.5 * float(np.vdot(weights_KR, penalised)) + 0.5 * BIAS_PENALTY * float(bias_K @ bias_K)
        return loss / n, (gradient.ravel() / n).astype(np.float64)

    return objective


def _softmax_loss(scores_NK: Floats, wanted_NK: Floats) -> tuple[float, Floats]:
    """Cross-entropy summed over rows, and its derivative by the scores (in place of them)."""
    scores_NK -= scores_NK.max(1, keepdims=True)
    right_N = np.einsum("nk,nk->n", scores_NK, wanted_NK)
    np.exp(scores_NK, out=scores_NK)
    sums_N = scores_NK.sum(1)
    loss = float((np.log(sums_N) - right_N).sum(dtype=np.float64))
    scores_NK /= sums_N[:, None]
    scores_NK -= wanted_NK
    return loss, scores_NK


def _sigmoid_loss(scores_NK: Floats, wanted_NK: Floats) -> tuple[float, Floats]:
    """Binary cross-entropy summed over rows and labels, and its derivative by the scores."""
    loss = float((np.logaddexp(np.float32(0), scores_NK) - wanted_NK * scores_NK).sum(dtype=np.float64))
    return loss, np.asarray(1 / (1 + np.exp(-np.clip(scores_NK, -80, 80))) - wanted_NK, np.float32)
