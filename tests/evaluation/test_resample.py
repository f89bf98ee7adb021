import numpy as np
import pytest

from rung.evaluation.resample import resampled_means, units_of, weights_BG


def test_ungrouped_rows_are_units() -> None:
    units = units_of([None, None, None])
    assert (units.count, units.rows, units.grouped) == (3, 3, False)


def test_rows_of_a_group_are_one_unit_and_rows_without_one_their_own() -> None:
    units = units_of(["a", None, "a", "b", None])
    assert units.index_N.tolist() == [0, 1, 0, 2, 3]
    assert units.sizes_G.tolist() == [2, 1, 1, 1]
    assert units.grouped
    assert units.sums(np.array([1.0, 2, 3, 4, 5])).tolist() == [4, 2, 4, 5]


def test_weights_are_draws_with_replacement_and_the_same_for_a_seed() -> None:
    units = units_of(40)
    weights = weights_BG(units, resamples=3000)
    assert (weights.sum(axis=1) == 40).all()
    assert weights.var() == pytest.approx(1 - 1 / 40, abs=0.02)
    assert (weights == weights_BG(units, resamples=3000)).all()
    assert (weights != weights_BG(units, resamples=3000, seed=1)).any()


def test_resampled_means_weigh_groups_by_their_rows() -> None:
    units = units_of(["a", "a", "a", "b"])
    values = np.array([[1.0], [1.0], [1.0], [0.0]])
    weights = np.array([[1, 1], [2, 0], [0, 2]], dtype=np.float32)
    assert resampled_means(weights, units, values).ravel().tolist() == pytest.approx([0.75, 1.0, 0.0])
