"""Simulated score tables whose truth is known."""

import numpy as np


def equal_arms(
    random: np.random.Generator, rows: int, arms: int, *, disagree: float, accuracy: float = 0.85
) -> np.ndarray:
    """0/1 scores (N, K): every arm has the same true accuracy, two arms differ on the share `disagree` of rows."""
    hard = random.random(rows) < 2 * disagree
    easy = (accuracy - disagree) / (1 - 2 * disagree)
    shared = random.random(rows) < easy
    return np.where(hard[:, None], random.random((rows, arms)) < 0.5, shared[:, None]).astype(float)


def varied_rows(
    random: np.random.Generator, rows: int, arms: int, *, disagree: float, accuracy: float = 0.85
) -> np.ndarray:
    """The same truth, but every row has a difficulty of its own (beta distributed)."""
    spread = accuracy * (1 - accuracy)
    concentration = spread / (spread - disagree / 2) - 1
    chance = random.beta(accuracy * concentration, (1 - accuracy) * concentration, size=rows)
    return (random.random((rows, arms)) < chance[:, None]).astype(float)
