"""Paired statistics on F1 over entities: error rates, coverage and power, by simulation."""

import numpy as np
import pytest
from simulated_tables import entities_of_rows, equal_taggers

from rung.evaluation import intervals
from rung.evaluation.linear import linear_scores, outcomes
from rung.evaluation.noninferiority import simultaneous_bounds
from rung.evaluation.pairs import pairs
from rung.evaluation.resample import resampled_means, units_of, weights_BG
from rung.evaluation.selection import corrected_score

KINDS = ["dense", "sparse", "skewed"]


def scores_of(numerator_NK: np.ndarray, denominator_NK: np.ndarray) -> np.ndarray:
    columns = zip(numerator_NK.T, denominator_NK.T, strict=True)
    return np.stack([linear_scores(num[None], den[None]) for num, den in columns], axis=1)


def true_f1(kind: str) -> float:
    numerator, denominator = equal_taggers(np.random.default_rng(99), 400_000, 1, disagree=0.1, kind=kind)
    return float(numerator.sum() / denominator.sum())


def false_claims(rows: int, disagree: float, kind: str, trials: int, resamples: int) -> float:
    random = np.random.default_rng([rows, int(disagree * 100)])
    units, claims = units_of(rows), 0
    for trial in range(trials):
        num, den = equal_taggers(random, rows, 12, disagree=disagree, kind=kind)
        bounds = simultaneous_bounds(
            scores_of(num, den), units, sizes_N=den.mean(axis=1), resamples=resamples, seed=trial
        )
        claims += (bounds.lower_K > 0).any()
    return claims / trials


def test_the_mean_is_f1_exactly_over_one_seed_and_several() -> None:
    num, den = equal_taggers(np.random.default_rng(0), 50, 3, disagree=0.2)
    assert scores_of(num, den).mean(axis=0) == pytest.approx(num.sum(axis=0) / den.sum(axis=0))
    assert linear_scores(num.T, den.T).mean() == pytest.approx((num.sum(axis=0) / den.sum(axis=0)).mean())
    with pytest.raises(ValueError, match="denominator is 0"):
        linear_scores(np.zeros((1, 3)), np.zeros((1, 3)))


def test_the_mean_over_resampled_rows_is_their_f1_to_first_order() -> None:
    num, den = equal_taggers(np.random.default_rng(1), 500, 1, disagree=0.2)
    units = units_of(500)
    weights = weights_BG(units, resamples=400)
    linear = resampled_means(weights, units, scores_of(num, den))[:, 0]
    exact = intervals.ratio_of(resampled_means(weights, units, np.hstack([num, den])))
    assert np.abs(linear - exact).max() < 0.1 * exact.std()


@pytest.mark.parametrize("rows", [100, 300])
def test_twelve_equal_taggers_bring_a_false_better_in_two_to_five_percent(rows: int) -> None:
    rates = [false_claims(rows, disagree, kind, 300, 500) for disagree in (0.1, 0.2) for kind in KINDS]
    # the mean over 1,800 trials; its sampling error is 0.5 points
    assert 0.02 <= np.mean(rates) <= 0.05, rates


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("disagree", [0.1, 0.2])
@pytest.mark.parametrize("rows", [100, 300, 1000])
def test_false_better_in_every_cell(rows: int, disagree: float, kind: str) -> None:
    # sampling error at 4,000 trials is 0.3 points
    assert 0.013 <= false_claims(rows, disagree, kind, 4000, 1000) <= 0.056


@pytest.mark.parametrize("kind", KINDS)
def test_a_tagger_exactly_the_tolerance_worse_is_rarely_called_non_inferior(kind: str) -> None:
    random, rows, trials, worse = np.random.default_rng(8), 400, 800, 0.03
    units, wrong, truth = units_of(rows), 0, true_f1(kind)
    for trial in range(trials):
        num, den = equal_taggers(random, rows, 2, disagree=0.08, kind=kind)
        # F1 is 2R / D; losing the share q of the R right answers gives 2R (1 - q) / (D - R q), which is to be truth - worse
        lost = worse / (truth * (1 - (truth - worse) / 2))
        kept = random.binomial((num[:, 1] / 2).astype(int), 1 - lost)
        den[:, 1] -= num[:, 1] / 2 - kept
        num[:, 1] = 2 * kept
        bounds = simultaneous_bounds(scores_of(num, den), units, sizes_N=den.mean(axis=1), resamples=200, seed=trial)
        wrong += bounds.upper_K[1] <= worse
    assert wrong / trials <= 0.065  # 5 % and two standard errors


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lost", [6.0, 12.0])
def test_the_same_where_the_worse_tagger_only_ever_loses_entities(lost: float, kind: str) -> None:
    """The hardest case: few, one-sided disagreements, most of them in rows with many entities."""
    random, rows, trials = np.random.default_rng(9), 1000, 600
    units, wrong = units_of(rows), 0
    counts = entities_of_rows(random, 100_000, kind)
    rate = lost / rows / counts.mean()
    worse = 1 - 2 * (1 - rate) / (2 - rate)
    for _ in range(trials):
        mine = random.choice(counts, rows)
        found = random.binomial(mine, 1 - rate)
        num, den = np.stack([2 * mine, 2 * found], axis=1), np.stack([2 * mine, mine + found], axis=1)
        bounds = simultaneous_bounds(scores_of(num, den), units, sizes_N=den.mean(axis=1), resamples=50)
        wrong += bounds.upper_K[1] < worse
    assert wrong / trials <= 0.07


@pytest.mark.parametrize("kind", KINDS)
def test_the_bootstrap_covers_micro_f1(kind: str) -> None:
    random, rows, trials = np.random.default_rng(3), 150, 400
    units, held, true = units_of(rows), 0, true_f1(kind)
    for trial in range(trials):
        num, den = equal_taggers(random, rows, 1, disagree=0.1, kind=kind)
        weights = weights_BG(units, resamples=500, seed=trial)
        low, high, method = intervals.bootstrap(np.hstack([num, den]), intervals.ratio_of, units, weights)
        held += low <= true <= high
        assert method == "bca"
    assert 0.92 <= held / trials <= 0.985


def test_the_corrected_f1_of_the_best_of_twelve_equal_taggers_is_nearly_unbiased() -> None:
    random, found, truth = np.random.default_rng(0), [], true_f1("dense")
    units = units_of(150)
    for seed in range(300):
        scores = scores_of(*equal_taggers(random, 150, 12, disagree=0.15))
        weights = weights_BG(units, resamples=300, seed=seed)
        winner = int(scores.mean(axis=0).argmax())
        chosen = resampled_means(weights, units, scores).argmax(axis=1)
        found.append(
            (scores[:, winner].mean() - truth, corrected_score(scores, units, weights, chosen, winner) - truth)
        )
    raw, corrected = np.mean(found, axis=0)
    assert raw > 0.01
    assert abs(corrected) < 0.005


def test_power_and_groups() -> None:
    num, den = equal_taggers(np.random.default_rng(1), 1500, 4, disagree=0.02)
    num[:, 0] *= np.random.default_rng(2).random(1500) >= 0.1
    sizes = den.mean(axis=1)
    bounds = simultaneous_bounds(scores_of(num, den), units_of(1500), sizes_N=sizes)
    assert bounds.lower_K[0] > 0.05
    assert (bounds.lower_K[1:] <= 0).all()
    grouped = simultaneous_bounds(scores_of(num, den), units_of([str(i // 10) for i in range(1500)]), sizes_N=sizes)
    assert grouped.lower_K[0] > 0.04


def test_rows_of_unequal_size_leave_more_room_for_what_was_never_seen() -> None:
    """Two taggers that answer alike may still differ on a large row that is not in the test set."""
    alike, even, uneven = np.ones((500, 2)), np.ones(500), np.repeat([1.0, 9.0], 250)
    units = units_of(500)
    narrow, wide = (simultaneous_bounds(alike, units, sizes_N=sizes).upper_K[0] for sizes in (even, uneven))
    assert narrow == pytest.approx(simultaneous_bounds(alike, units).upper_K[0])
    assert wide == pytest.approx(narrow * np.sqrt(41) / 5)


def test_one_row_that_differs_is_one_row_though_it_moves_every_value() -> None:
    num, den = np.array([[2.0, 2.0], [2.0, 0.0], [2.0, 2.0]]), np.full((3, 2), 2.0)
    scores = scores_of(num, den * [[1.0], [2.0], [3.0]])
    (pair,) = pairs(["x", "y"], scores, units_of(3), outcomes_NK=outcomes(num, den))
    assert pair.disagree == 1
    assert (scores[:, 0] != scores[:, 1]).all()
