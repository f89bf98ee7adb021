import numpy as np
import pytest
from sklearn import metrics as reference

from rung.metrics import bin_numbers, brier_score, expected_calibration_error, log_loss, log_losses, reliability


def test_bins_hold_equal_mass_and_never_split_one_confidence() -> None:
    random = np.random.default_rng(0)
    confidences = random.random(1000)
    sizes = np.bincount(bin_numbers(confidences, 10))
    assert sizes.tolist() == [100] * 10
    tied = np.repeat([0.2, 0.9], [700, 300])
    numbers = bin_numbers(tied, 10)
    assert len(set(numbers[:700])) == len(set(numbers[700:])) == 1
    assert numbers[0] != numbers[-1]


def test_a_calibrated_method_has_a_small_error_and_an_overconfident_one_its_gap() -> None:
    random = np.random.default_rng(1)
    confidences = random.uniform(0.3, 1.0, 20_000)
    right = random.random(20_000) < confidences
    assert expected_calibration_error(confidences, right).value < 0.02
    assert expected_calibration_error([0.9] * 10, [1] * 6 + [0] * 4).value == pytest.approx(0.3)
    bins = reliability(confidences, right, bins=5)
    assert [b.count for b in bins] == [4000] * 5
    assert all(abs(b.confidence - b.accuracy) < 0.03 for b in bins)


def test_brier_and_log_loss() -> None:
    probabilities = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
    assert brier_score(probabilities, [0, 0]).value == pytest.approx((0.14 + 1.46) / 2)
    expected = reference.log_loss([0, 0], probabilities, labels=[0, 1, 2])
    assert log_loss(probabilities, [0, 0]).value == pytest.approx(expected)


def test_a_wrong_certainty_costs_much_but_not_infinity() -> None:
    assert np.isfinite(log_losses(np.array([[1.0, 0.0]]), [1])).all()
    assert log_losses(np.array([[1.0, 0.0]]), [1])[0] > 25


def test_no_rows_is_undefined_and_nonsense_refused() -> None:
    assert expected_calibration_error([], []).value is None
    assert brier_score(np.zeros((0, 2)), []).reason == "there are no rows"
    assert log_loss(np.zeros((0, 2)), []).value is None
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        expected_calibration_error([1.2], [1])
    with pytest.raises(ValueError, match="outcomes"):
        expected_calibration_error([0.5, 0.5], [1])
