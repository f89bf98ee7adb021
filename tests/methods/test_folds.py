"""Folds: stratified, grouped, seeded."""

from __future__ import annotations

import numpy as np

from methods.conftest import rows_of
from rung.methods.folds import stratified_folds


def test_every_fold_has_its_share_of_every_label() -> None:
    rows = rows_of(*[(str(i), "a" if i % 4 else "b") for i in range(80)])
    folds = stratified_folds(rows, 5, seed=3)
    labels = np.array([row.output for row in rows])
    for label, share in (("a", 12), ("b", 4)):
        assert np.bincount(folds[labels == label], minlength=5).tolist() == [share] * 5


def test_a_group_stays_together() -> None:
    rows = rows_of(*[(str(i), "ab"[i % 2]) for i in range(40)], groups=[f"g{i // 4}" for i in range(40)])
    folds = stratified_folds(rows, 3, seed=0)
    for start in range(0, 40, 4):
        assert len(set(folds[start : start + 4])) == 1
    assert set(folds) == {0, 1, 2}


def test_a_label_with_one_example_stays_in_training() -> None:
    rows = rows_of(("1", "rare"), *[(str(i), "often") for i in range(9)])
    folds = stratified_folds(rows, 3, seed=0)
    assert folds[0] == -1 and (folds[1:] >= 0).all()


def test_the_seed_decides() -> None:
    rows = rows_of(*[(str(i), "ab"[i % 2]) for i in range(40)])
    first = stratified_folds(rows, 4, seed=1)
    assert (first == stratified_folds(rows, 4, seed=1)).all()
    assert (first != stratified_folds(rows, 4, seed=2)).any()
