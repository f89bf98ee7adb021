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


def entities_of_rows(random: np.random.Generator, rows: int, kind: str) -> np.ndarray:
    """How many entities each row has: about as SNIPS (`dense`), as WNUT17 (`sparse`), or far apart (`skewed`)."""
    if kind == "dense":
        return 1 + random.poisson(1.6, rows)
    if kind == "sparse":
        return random.poisson(0.8, rows) * (random.random(rows) < 0.6)
    return 1 + random.geometric(0.15, rows)


def equal_taggers(
    random: np.random.Generator, rows: int, arms: int, *, disagree: float, kind: str = "dense", accuracy: float = 0.85
) -> tuple[np.ndarray, np.ndarray]:
    """F1's numerators and denominators by row and arm, two arrays (N, K); every arm has the same true F1.

    Two arms differ on the share `disagree` of the entities. Half of the missed ones are answered wrongly; a tenth of the rows
    tempts to one entity too many.
    """
    counts = entities_of_rows(random, rows, kind)
    row = np.repeat(np.arange(rows), counts)
    hard = random.random(len(row)) < 2 * disagree
    shared = random.random(len(row)) < (accuracy - disagree) / (1 - 2 * disagree)
    found = np.where(hard[:, None], random.random((len(row), arms)) < 0.5, shared[:, None])
    wrong = ~found & (random.random((len(row), arms)) < 0.5)
    right, false = np.zeros((rows, arms)), np.zeros((rows, arms))
    np.add.at(right, row, found)
    np.add.at(false, row, wrong)
    false += (random.random(rows) < 0.1)[:, None] & (random.random((rows, arms)) < 0.5)
    return 2 * right, counts[:, None] + right + false
