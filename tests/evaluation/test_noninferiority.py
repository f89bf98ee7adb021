"""Error rates and power of the verdict's bounds, by simulation."""

import numpy as np
import pytest
from simulated_tables import equal_arms, varied_rows

from rung.evaluation.noninferiority import simultaneous_bounds
from rung.evaluation.resample import units_of


def false_claims(table, rows: int, disagree: float, trials: int, resamples: int) -> float:
    random = np.random.default_rng([rows, int(disagree * 100)])
    units, claims = units_of(rows), 0
    for trial in range(trials):
        scores = table(random, rows, 12, disagree=disagree)
        claims += (simultaneous_bounds(scores, units, resamples=resamples, seed=trial).lower_K > 0).any()
    return claims / trials


@pytest.mark.parametrize(("rows", "trials"), [(100, 1200), (300, 800), (1000, 500)])
def test_twelve_equal_arms_bring_a_false_better_in_two_to_five_percent(rows: int, trials: int) -> None:
    rates = [false_claims(equal_arms, rows, 0.10, trials, 500), false_claims(varied_rows, rows, 0.20, trials, 500)]
    # the mean of both ends of 10-20 % disagreement; its sampling error is 0.3 to 0.6 points
    assert 0.02 <= np.mean(rates) <= 0.05, rates


@pytest.mark.slow
@pytest.mark.parametrize("table", [equal_arms, varied_rows])
@pytest.mark.parametrize("disagree", [0.10, 0.15, 0.20])
@pytest.mark.parametrize("rows", [100, 300, 1000])
def test_false_better_in_every_cell(table, disagree: float, rows: int) -> None:
    # sampling error at 4,000 trials is 0.3 points; with 10 rows of disagreement scores are too coarse to reach 2 % surely (1.8)
    assert 0.013 <= false_claims(table, rows, disagree, 4000, 1000) <= 0.053


@pytest.mark.parametrize(("rows", "arms"), [(10, 2), (10, 12), (30, 12)])
def test_small_tables_bring_no_more_false_claims(rows: int, arms: int) -> None:
    random, units, trials = np.random.default_rng(4), units_of(rows), 1000
    claims = 0
    for trial in range(trials):
        scores = (random.random((rows, arms)) < random.beta(2, 1, size=(rows, 1))).astype(float)
        claims += (simultaneous_bounds(scores, units, resamples=300, seed=trial).lower_K > 0).any()
    assert claims / trials <= 0.055


@pytest.mark.parametrize("arms", [2, 12])
def test_an_arm_exactly_the_tolerance_worse_is_rarely_called_non_inferior(arms: int) -> None:
    random, rows, worse, trials = np.random.default_rng(8), 400, 0.03, 1200
    units, wrong = units_of(rows), 0
    for trial in range(trials):
        scores = equal_arms(random, rows, arms, disagree=0.08)
        scores[:, -1] *= random.random(rows) >= worse / 0.85
        wrong += simultaneous_bounds(scores, units, resamples=300, seed=trial).upper_K[-1] <= worse
    assert wrong / trials <= 0.062  # 5 % and two standard errors


@pytest.mark.parametrize("lost", [4.0, 6.0, 10.0, 20.0])
def test_the_same_where_the_worse_arm_only_ever_loses_rows(lost: float) -> None:
    """The hardest case for standard errors from the sample: few, one-sided disagreements."""
    random, rows, trials = np.random.default_rng(9), 1000, 1000
    units, wrong = units_of(rows), 0
    for _ in range(trials):
        scores = np.ones((rows, 2))
        scores[: random.poisson(lost), 1] = 0
        wrong += simultaneous_bounds(scores, units, resamples=50).upper_K[1] < lost / rows
    assert wrong / trials <= 0.062


def test_all_bounds_hold_together() -> None:
    random, rows, trials = np.random.default_rng(2), 300, 500
    true = np.linspace(0, 0.2, 12)
    units, missed = units_of(rows), 0
    for trial in range(trials):
        scores = equal_arms(random, rows, 12, disagree=0.1) * (random.random((rows, 12)) >= true)
        missed += (simultaneous_bounds(scores, units, resamples=300, seed=trial).upper_K < 0.85 * true).any()
    assert missed / trials <= 0.065


def test_power() -> None:
    random, rows = np.random.default_rng(1), 3000
    scores = equal_arms(random, rows, 6, disagree=0.02)
    scores[:, 0] *= random.random(rows) >= 0.1
    bounds = simultaneous_bounds(scores, units_of(rows))
    assert bounds.lower_K[0] > 0.05
    assert bounds.upper_K[0] > 0.07
    assert (bounds.upper_K[1:] < 0.012).all()
    assert (bounds.lower_K[1:] <= 0).all()


def test_nothing_is_decided_on_ten_rows_that_all_arms_get_right() -> None:
    bounds = simultaneous_bounds(np.ones((10, 5)), units_of(10))
    assert (bounds.upper_K > 0.25).all()
    assert (bounds.lower_K <= 0).all()
    assert (bounds.gap_K == 0).all()


def test_no_disagreement_gives_the_rule_of_three() -> None:
    bounds = simultaneous_bounds(np.ones((2000, 2)), units_of(2000))
    assert bounds.upper_K[0] * 2000 == pytest.approx(3.0, abs=0.1)


def test_groups_widen_the_bounds() -> None:
    random = np.random.default_rng(3)
    scores = np.repeat(equal_arms(random, 60, 3, disagree=0.2), 10, axis=0)
    by_rows = simultaneous_bounds(scores, units_of(600))
    by_groups = simultaneous_bounds(scores, units_of([str(i // 10) for i in range(600)]))
    once = simultaneous_bounds(scores[::10], units_of(60))
    apart = ~np.eye(3, dtype=bool)
    assert (by_groups.upper_width_KK[apart] > 2 * by_rows.upper_width_KK[apart]).all()
    assert by_groups.upper_K == pytest.approx(once.upper_K, rel=0.1)


def test_the_bound_is_against_the_best_of_the_arms_allowed() -> None:
    random = np.random.default_rng(6)
    scores = equal_arms(random, 500, 3, disagree=0.1)
    scores[:, 0] = 1.0
    bounds = simultaneous_bounds(scores, units_of(500))
    among = bounds.upper(np.array([False, True, True]))
    assert (among[1:] < bounds.upper_K[1:] - 0.05).all()


def test_rows_to_reach_is_where_the_bound_meets_the_tolerance() -> None:
    scores = equal_arms(np.random.default_rng(0), 300, 4, disagree=0.1)
    everyone = np.ones(4, dtype=bool)
    bounds = simultaneous_bounds(scores, units_of(300))
    best = bounds.best
    needed = bounds.rows_to_reach(0.01, everyone)[best]
    assert needed > 300

    def upper(times: int) -> float:
        return simultaneous_bounds(np.repeat(scores, times, axis=0), units_of(300 * times)).upper_K[best]

    assert upper(int(np.ceil(needed / 300)) + 1) <= 0.01
    assert upper(int(needed / 300) - 1) > 0.01
    worst = int(np.argmin(bounds.mean_K))
    assert np.isinf(bounds.rows_to_reach(0.0, everyone)[worst])


def test_many_arms_are_affordable_in_memory_and_alike_in_chunks() -> None:
    scores = (np.random.default_rng(0).random((200, 60)) < 0.8).astype(float)
    few, many = (simultaneous_bounds(scores[:, :k], units_of(200), resamples=2000) for k in (3, 60))
    assert many.mean_K[:3] == pytest.approx(few.mean_K)
    assert (many.upper_K[:3] >= few.upper_K).all()


def test_shapes_that_do_not_match_are_refused() -> None:
    with pytest.raises(ValueError, match="for 4 rows"):
        simultaneous_bounds(np.ones((3, 2)), units_of(4))
