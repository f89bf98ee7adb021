"""Coverage of the intervals: Wilson exactly, the bootstraps by simulation."""

import numpy as np
import pytest
from scipy import stats

from rung.evaluation import intervals
from rung.evaluation.resample import units_of, weights_BG
from rung.metrics import bin_numbers, expected_calibration_error, macro_f1

EYE = np.eye(10)


@pytest.mark.parametrize("rows", [30, 100, 1000])
def test_wilson_covers_as_it_says(rows: int) -> None:
    right = np.arange(rows + 1)
    ends = np.array([intervals.wilson(k, rows)[:2] for k in right])
    shares = np.linspace(0.02, 0.98, 2401)
    inside = (ends[:, 0] <= shares[:, None]) & (shares[:, None] <= ends[:, 1])
    coverage = (stats.binom.pmf(right, rows, shares[:, None]) * inside).sum(axis=1)
    assert 0.945 <= coverage.mean() <= 0.965
    assert coverage.min() >= 0.91


def test_wilson_never_claims_certainty_and_needs_trials() -> None:
    assert intervals.wilson(10, 10).low == pytest.approx(0.7225, abs=1e-3)
    assert intervals.wilson(0, 10).low == 0.0
    with pytest.raises(ValueError, match="no trials"):
        intervals.wilson(0, 0)


def macro_f1_coverage(rows: int, classes: int, trials: int) -> float:
    random = np.random.default_rng(3)
    joint = np.full((classes, classes), 0.2 / (classes - 1))
    np.fill_diagonal(joint, 0.8)
    joint *= (np.arange(1, classes + 1) / np.arange(1, classes + 1).sum())[:, None]
    right = np.diag(joint)
    true = float(np.mean(2 * right / (joint.sum(axis=0) + joint.sum(axis=1))))
    units, held = units_of(rows), 0
    for trial in range(trials):
        cells = random.choice(classes**2, size=rows, p=joint.ravel() / joint.sum())
        table = intervals.f1_table(EYE[cells // classes, :classes], EYE[cells % classes, :classes])
        weights = weights_BG(units, resamples=500, seed=trial)
        low, high, method = intervals.bootstrap(table, intervals.macro_f1_of, units, weights)
        held += low <= true <= high
        assert method == "bca"
    return held / trials


@pytest.mark.parametrize(("rows", "classes"), [(100, 4), (400, 10)])
def test_bca_covers_macro_f1(rows: int, classes: int) -> None:
    assert 0.92 <= macro_f1_coverage(rows, classes, trials=400) <= 0.985


def test_the_vectorised_macro_f1_is_the_metric() -> None:
    random = np.random.default_rng(0)
    expected, outputs = random.integers(0, 6, 80), random.integers(2, 9, 80)
    table = intervals.f1_table(EYE[expected], EYE[outputs])
    names = [str(i) for i in expected], [str(i) for i in outputs]
    assert intervals.macro_f1_of(table.mean(axis=0)) == pytest.approx(macro_f1(*names).value)
    micro = intervals.micro_f1_of(table.mean(axis=0, dtype=np.float64))
    assert micro == pytest.approx((expected == outputs).mean())


def test_the_vectorised_calibration_error_is_the_metric() -> None:
    random = np.random.default_rng(0)
    confidence = random.random(200)
    right = (random.random(200) < 0.6).astype(float)
    table = intervals.calibration_table(confidence, right, bin_numbers(confidence))
    value = expected_calibration_error(confidence, right).value
    assert intervals.calibration_error_of(table.mean(axis=0, dtype=np.float64)) == pytest.approx(value, abs=1e-6)


def clustered(random: np.random.Generator, groups: int, size: int, share: float) -> np.ndarray:
    """0/1 scores of which half the rows take their group's fate."""
    fate = np.repeat(random.random(groups) < share, size)
    own = random.random(groups * size) < share
    return np.where(random.random(groups * size) < 0.5, fate, own).astype(float)


@pytest.mark.parametrize(("groups", "size"), [(20, 5), (60, 8)])
def test_the_cluster_bootstrap_covers_where_wilson_on_rows_does_not(groups: int, size: int) -> None:
    random = np.random.default_rng(5)
    units = units_of([str(g) for g in range(groups) for _ in range(size)])
    trials, held, held_by_rows = 400, 0, 0
    for trial in range(trials):
        scores = clustered(random, groups, size, 0.8)
        found = intervals.mean_interval(scores, units, weights_BG(units, resamples=500, seed=trial))
        held += found.low <= 0.8 <= found.high
        assert found.method in ("cluster bootstrap", "wilson")
        by_rows = intervals.wilson(scores.sum(), len(scores))
        held_by_rows += by_rows.low <= 0.8 <= by_rows.high
    assert 0.92 <= held / trials <= 0.985
    assert held_by_rows / trials < 0.88


def test_equal_scores_are_no_certainty() -> None:
    units = units_of([str(i // 5) for i in range(50)])
    found = intervals.mean_interval(np.ones(50), units, weights_BG(units))
    assert found.low == pytest.approx(intervals.wilson(10, 10).low)
    assert intervals.bootstrap(np.ones((50, 1)), lambda m: m[..., 0], units, weights_BG(units)) is None


def test_means_over_seeds_are_bootstrapped_and_the_same_every_time() -> None:
    scores = np.random.default_rng(0).integers(0, 4, 100) / 3
    units = units_of(100)
    first = intervals.mean_interval(scores, units, weights_BG(units))
    assert first.method == "bca"
    assert first.low < scores.mean() < first.high
    assert first == intervals.mean_interval(scores, units, weights_BG(units))
