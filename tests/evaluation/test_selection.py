import numpy as np
import pytest
from simulated_tables import equal_arms

from rung.evaluation.resample import resampled_means, units_of, weights_BG
from rung.evaluation.selection import corrected_score


def best_and_corrected(scores: np.ndarray, seed: int = 0, resamples: int = 300) -> tuple[float, float]:
    units = units_of(len(scores))
    weights = weights_BG(units, resamples=resamples, seed=seed)
    winner = int(scores.mean(axis=0).argmax())
    chosen = resampled_means(weights, units, scores).argmax(axis=1)
    return float(scores[:, winner].mean()), corrected_score(scores, units, weights, chosen, winner)


def test_the_corrected_score_of_the_best_of_twelve_equal_arms_is_nearly_unbiased() -> None:
    random = np.random.default_rng(0)
    found = np.array([best_and_corrected(equal_arms(random, 200, 12, disagree=0.15), seed) for seed in range(600)])
    raw, corrected = found.mean(axis=0) - 0.85
    assert raw > 0.02
    assert abs(corrected) < 0.004  # its sampling error is 0.001


def test_a_clear_winner_keeps_its_score() -> None:
    random = np.random.default_rng(1)
    scores = (random.random((400, 5)) < [0.95, 0.6, 0.6, 0.6, 0.6]).astype(float)
    raw, corrected = best_and_corrected(scores)
    assert corrected == pytest.approx(raw, abs=1e-9)


def test_groups_are_left_out_whole() -> None:
    """Rows repeated ten times are no more evidence, if they are known to be one group."""
    scores = equal_arms(np.random.default_rng(3), 60, 12, disagree=0.2)
    repeated, units = np.repeat(scores, 10, axis=0), units_of([str(i // 10) for i in range(600)])
    weights = weights_BG(units)
    chosen = resampled_means(weights, units, repeated).argmax(axis=1)
    grouped = corrected_score(repeated, units, weights, chosen, int(scores.mean(axis=0).argmax()))
    assert grouped == pytest.approx(best_and_corrected(scores, resamples=2000)[1], abs=1e-6)


def test_one_row_leaves_nothing_out() -> None:
    units = units_of(1)
    assert corrected_score(np.ones((1, 2)), units, weights_BG(units), np.zeros(2000, dtype=int), 0) is None
