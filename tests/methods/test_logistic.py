"""The regression against scikit-learn, and its prior."""

from __future__ import annotations

import numpy as np
import pytest

from rung.methods.logistic import Linear, Rotated


def _data(n: int, d: int, k: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows of length 1 on axes of very unequal variance, around k centres."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, k, n)
    rows = (random.normal(size=(k, d))[labels] + random.normal(size=(n, d))) * np.logspace(0, -2, d) + 0.3
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows.astype(np.float32), np.eye(k, dtype=np.float32)[labels]


@pytest.mark.parametrize(("n", "d"), [(300, 20), (30, 50)])
def test_agrees_with_scikit_learn(n: int, d: int) -> None:
    from sklearn.linear_model import LogisticRegression

    rows, wanted = _data(n, d, 4)
    ours = Rotated.of(rows).solve(wanted, 10.0, np.zeros((4, d), np.float32), tolerance=1e-10)
    peer = LogisticRegression(C=10.0, max_iter=5000, tol=1e-8).fit(rows, wanted.argmax(1))
    assert np.abs(ours.probabilities(rows) - peer.predict_proba(rows)).max() < 0.01


def test_several_labels_agree_with_one_regression_each() -> None:
    from sklearn.linear_model import LogisticRegression

    rows, wanted = _data(200, 10, 3)
    wanted[:, 0] = np.maximum(wanted[:, 0], rows[:, 1] > 0.2)
    ours = Rotated.of(rows).solve(wanted, 5.0, np.zeros((3, 10), np.float32), several=True, tolerance=1e-10)
    shares = ours.probabilities(rows, several=True)
    for label in range(3):
        peer = LogisticRegression(C=5.0, max_iter=5000, tol=1e-8).fit(rows, wanted[:, label])
        assert np.abs(shares[:, label] - peer.predict_proba(rows)[:, 1]).max() < 0.01


def test_without_evidence_the_weights_are_the_prior() -> None:
    rows, wanted = _data(20, 8, 2)
    prior = np.random.default_rng(1).normal(size=(2, 8)).astype(np.float32)
    found = Rotated.of(rows).solve(wanted, 1e-6, prior)
    assert np.abs(found.weights_KD - prior).max() < 1e-3


def test_directions_never_seen_keep_the_prior() -> None:
    rows, wanted = _data(40, 6, 2)
    rows[:, 5] = 0.0
    prior = np.zeros((2, 6), np.float32)
    prior[0, 5] = 7.0
    found = Rotated.of(rows).solve(wanted, 100.0, prior)
    assert found.weights_KD[0, 5] == pytest.approx(7.0, abs=1e-4)
    assert np.abs(found.weights_KD[:, :5]).max() > 1.0


def test_starting_from_a_neighbour_leads_to_the_same_place() -> None:
    rows, wanted = _data(200, 12, 3)
    zero = np.zeros((3, 12), np.float32)
    rotated = Rotated.of(rows)
    cold = rotated.solve(wanted, 30.0, zero, tolerance=1e-10)
    warm = rotated.solve(wanted, 30.0, zero, start=rotated.solve(wanted, 3.0, zero), tolerance=1e-10)
    assert np.abs(cold.probabilities(rows) - warm.probabilities(rows)).max() < 0.005


def test_a_class_without_examples_is_finite_and_improbable() -> None:
    rows, wanted = _data(60, 6, 2)
    padded = np.concatenate([wanted, np.zeros((60, 1), np.float32)], axis=1)
    found = Rotated.of(rows).solve(padded, 10.0, np.zeros((3, 6), np.float32))
    assert np.isfinite(found.weights_KD).all() and np.isfinite(found.bias_K).all()
    assert found.probabilities(rows)[:, 2].max() < 0.05


def test_large_scores_do_not_overflow() -> None:
    linear = Linear(np.array([[1e4], [-1e4]], np.float32), np.zeros(2, np.float32))
    rows = np.array([[1.0], [-1.0]], np.float32)
    assert linear.probabilities(rows).tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert linear.probabilities(rows, several=True).round(6).tolist() == [[1.0, 0.0], [0.0, 1.0]]
