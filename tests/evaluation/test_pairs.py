import numpy as np
import pytest
from scipy import stats

from rung.evaluation.pairs import holm, mcnemar_exact, pairs
from rung.evaluation.resample import units_of


def scores_of(first_only: int, second_only: int, both: int) -> np.ndarray:
    return np.array([[1, 0]] * first_only + [[0, 1]] * second_only + [[1, 1]] * both, dtype=float)


def test_mcnemar_is_the_binomial_on_discordant_rows() -> None:
    for b, c in ((5, 1), (3, 3), (0, 9), (20, 31)):
        assert mcnemar_exact(b, c) == pytest.approx(stats.binomtest(b, b + c).pvalue)


def test_a_pair() -> None:
    (pair,) = pairs(["x", "y"], scores_of(12, 2, 86), units_of(100))
    assert (pair.first, pair.second, pair.disagree) == ("x", "y", 14)
    assert pair.difference == pytest.approx(0.1)
    assert pair.p_value == pytest.approx(mcnemar_exact(12, 2))
    assert 0.02 < pair.low < 0.1 < pair.high < 0.2


def test_p_values_are_corrected_over_all_pairs_shown() -> None:
    scores = np.random.default_rng(0).random((200, 4)) < [0.9, 0.8, 0.7, 0.6]
    found = pairs(list("abcd"), scores.astype(float), units_of(200))
    assert [(p.first, p.second) for p in found] == [
        ("a", "b"),
        ("a", "c"),
        ("a", "d"),
        ("b", "c"),
        ("b", "d"),
        ("c", "d"),
    ]
    alone = [
        pairs(["x", "y"], scores[:, [i, j]].astype(float), units_of(200))[0].p_value
        for i, j in ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
    ]
    assert [p.p_value for p in found] == pytest.approx(holm(alone))
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_grouped_rows_get_an_interval_and_no_p_value() -> None:
    (pair,) = pairs(["x", "y"], scores_of(12, 2, 86), units_of([str(i // 2) for i in range(100)]))
    assert pair.p_value is None
    assert "not valid" in pair.reason
    assert pair.low < pair.difference < pair.high


def test_means_over_seeds_get_the_bootstraps_p_value() -> None:
    random = np.random.default_rng(0)
    scores = random.integers(0, 3, (300, 2)) / 2
    (alike,) = pairs(["x", "y"], scores, units_of(300))
    assert alike.p_value > 0.05
    (apart,) = pairs(["x", "y"], scores * [1.0, 0.5], units_of(300))
    assert apart.p_value == pytest.approx(stats.ttest_1samp(scores[:, 0] - 0.5 * scores[:, 1], 0).pvalue)
    assert apart.p_value < 2 / 2001


def test_a_difference_that_never_varies_has_the_bootstraps_p_value() -> None:
    (pair,) = pairs(["x", "y"], np.full((40, 2), 0.5) * [1.0, 0.5], units_of(40))
    assert pair.p_value == pytest.approx(2 / 2001)


def test_equal_answers_are_no_certainty() -> None:
    (pair,) = pairs(["x", "y"], np.ones((10, 2)), units_of(10))
    assert pair.p_value == 1.0
    assert pair.low < -0.2
    assert pair.high > 0.2


def test_one_arm_has_no_pairs() -> None:
    assert pairs(["x"], np.ones((10, 1)), units_of(10)) == ()
