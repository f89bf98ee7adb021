"""BLEU and chrF by sacrebleu: counts a row, scores of counts, signatures. Knows texts and counts only; loads sacrebleu when asked.

Both are functions of sums of counts over rows, so that the score of a resample is one of weighted sums: no text is read twice.
BLEU: Papineni et al. 2002; chrF: Popović 2015; what makes figures comparable: Post 2018, "A Call for Clarity in Reporting BLEU
Scores". References whose number varies are given to sacrebleu padded with None. N rows, n-grams of 1 to 4 words or 1 to 6
characters.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from rung.task import Output

WORD_ORDER = 4
CHARACTER_ORDER = 6
#: chrF weighs recall this much more than precision, squared.
_BETA_2 = 4.0


def references_of(expected: Output) -> tuple[str, ...]:
    """The references of a row: one, or several."""
    return (expected,) if isinstance(expected, str) else expected


def bleu_counts(expected: Sequence[Output], outputs: Sequence[str | None]) -> np.ndarray:
    """Words answered, words of the reference nearest in length, matching n-grams by n, answered n-grams by n: int (N, 10)."""
    bleu, _ = _scorers(tuple(references_of(row) for row in expected))
    return _counts(bleu, outputs, 2 + 2 * WORD_ORDER)


def chrf_counts(expected: Sequence[Output], outputs: Sequence[str | None]) -> np.ndarray:
    """For each n the n-grams of characters answered, expected, matching, by the reference that fits best: int (N, 18)."""
    _, chrf = _scorers(tuple(references_of(row) for row in expected))
    return _counts(chrf, outputs, 3 * CHARACTER_ORDER)


def bleu_of(counts: np.ndarray) -> np.ndarray:
    """BLEU in [0, 1] from summed counts (..., 10), as sacrebleu has it: n-grams without a match are smoothed exponentially.

    >>> float(bleu_of(np.array([4, 4, 4, 3, 2, 1, 4, 3, 2, 1])))
    1.0
    """
    found = np.asarray(counts, dtype=np.float64)
    words, nearest = found[..., 0], found[..., 1]
    right, total = found[..., 2 : 2 + WORD_ORDER], found[..., 2 + WORD_ORDER :]
    halvings = np.cumsum(right <= 0, axis=-1)
    share = np.where(right > 0, right, 0.5**halvings) / np.maximum(total, 1e-300)
    defined = (right > 0).any(axis=-1) & (total > 0).all(axis=-1)
    logs = np.log(np.where(total > 0, share, 1.0)).mean(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        brevity = np.where(words < nearest, 1 - nearest / words, 0.0)
    return np.where(defined, np.exp(logs + np.where(defined, brevity, 0.0)), 0.0)


def chrf_of(counts: np.ndarray) -> np.ndarray:
    """chrF in [0, 1] from summed counts (..., 18): precision and recall averaged over the orders that occur on both sides."""
    found = np.asarray(counts, dtype=np.float64)
    given, wanted, right = found[..., 0::3], found[..., 1::3], found[..., 2::3]
    counted = (given > 0) & (wanted > 0)
    orders = np.maximum(counted.sum(axis=-1), 1)
    precision = np.divide(right, given, out=np.zeros_like(right), where=counted).sum(axis=-1) / orders
    recall = np.divide(right, wanted, out=np.zeros_like(right), where=counted).sum(axis=-1) / orders
    weighed = _BETA_2 * precision + recall
    return np.divide((1 + _BETA_2) * precision * recall, weighed, out=np.zeros_like(weighed), where=weighed > 0)


def bleu_influence(counts: np.ndarray) -> np.ndarray:
    """Row values (N,) whose mean is BLEU of these counts (N, 10): BLEU plus each row's influence on it, to first order.

    BLEU is no mean of row scores. Its logarithm is a sum of logarithms of sums, so that a row's influence is the sum of its shares
    in each of them (the delta method; for ratios see `rung.evaluation.linear`). Where BLEU is 0 every value is.
    """
    sums, rows = counts.sum(axis=0).astype(np.float64), len(counts)
    score = float(bleu_of(sums))
    if score == 0:
        return np.zeros(rows)
    part_NF = rows * counts / np.maximum(sums, 1e-300) - 1  # each row's share in a sum, above the average row's
    right, total = part_NF[:, 2 : 2 + WORD_ORDER], part_NF[:, 2 + WORD_ORDER :]
    moved = (np.where(sums[2 : 2 + WORD_ORDER] > 0, right, 0.0) - total).mean(axis=1)
    if sums[0] < sums[1]:
        moved += sums[1] / sums[0] * (part_NF[:, 0] - part_NF[:, 1])
    return np.asarray(score * (1 + moved))


def sentence_chrf(expected: Output, output: str | None) -> float:
    """chrF of one answer against its best reference, in [0, 1].

    >>> sentence_chrf(("A dog runs.", "The dog is running."), "A dog runs.")
    1.0
    """
    return float(_sentence()[1].sentence_score(output or "", references_of(expected)).score) / 100


def sentence_bleu(expected: Output, output: str | None) -> float:
    """BLEU of one answer, in [0, 1], over the orders of n-grams it is long enough for."""
    return float(_sentence()[0].sentence_score(output or "", references_of(expected)).score) / 100


def signatures(expected: Sequence[Output]) -> dict[str, str]:
    """sacrebleu's signatures of `bleu` and `chrf` on these references: all that another needs to get the same figures."""
    scorers = _scorers(tuple(references_of(row) for row in expected))
    return {name: str(scorer.get_signature()) for name, scorer in zip(("bleu", "chrf"), scorers, strict=True)}


def corpus_score(name: str, counts: np.ndarray) -> float:
    """sacrebleu's own `bleu` or `chrf` of summed counts, in [0, 1]; `bleu_of` and `chrf_of` differ from it by rounding."""
    scorer = _sentence()[2 if name == "bleu" else 1]
    return float(scorer._compute_score_from_stats(counts.sum(axis=0).tolist()).score) / 100


def padded(expected: Sequence[Output]) -> list[list[str | None]]:
    """References as sacrebleu takes them: the first of every row, the second of every row, ...; None where a row has no more.

    >>> padded(["a", ("b", "c")])
    [['a', 'b'], [None, 'c']]
    """
    rows = [references_of(row) for row in expected]
    most = max(map(len, rows), default=0)
    return [[row[i] if i < len(row) else None for row in rows] for i in range(most)]


def _counts(scorer: Any, outputs: Sequence[str | None], width: int) -> np.ndarray:
    if not outputs:
        return np.zeros((0, width), dtype=np.int64)
    # sacrebleu's own significance tests take a row's counts from here; its public functions give none for chrF
    return np.array(scorer._extract_corpus_statistics([text or "" for text in outputs], None), dtype=np.int64)


@lru_cache(maxsize=4)  # every arm and seed of a comparison is judged against the same references
def _scorers(references: tuple[tuple[str, ...], ...]) -> tuple[Any, Any]:
    from sacrebleu.metrics import BLEU, CHRF

    streams = padded(references)
    return BLEU(force=True, references=streams), CHRF(references=streams)


@lru_cache(maxsize=1)
def _sentence() -> tuple[Any, Any, Any]:
    from sacrebleu.metrics import BLEU, CHRF

    return BLEU(force=True, effective_order=True), CHRF(), BLEU(force=True)
