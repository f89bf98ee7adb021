"""Texts against references: the score of an answer, and figures of all answers. Knows texts only, no models, files or intervals.

A missing answer (None) counts as an empty one and scores 0. Where a row has several references the best one counts. N rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from rung.metrics import ngrams
from rung.metrics.ngrams import references_of, sentence_bleu, sentence_chrf
from rung.metrics.rouge import has_words, rouge
from rung.metrics.value import Figure, undefined
from rung.plan import TEXT_METRICS
from rung.task import Output

#: What texts may be compared by, the default first.
METRICS = TEXT_METRICS
NO_ROWS = "there are no rows"
TOO_SHORT = "no reference has four words in a row, which BLEU counts"
NO_LETTERS = "ROUGE knows the letters a to z and digits only, and no reference has any"
_WORD = re.compile(r"\w+")


def text_score(expected: Output, output: str | None, metric: str = "chrf") -> float:
    """The score of one answer in [0, 1].

    `chrf` is the default: it is defined for a single row, needs no tokenizer and so no choice of one by language, and of the string
    metrics it agrees better with people than sentence BLEU does (Mathur et al. 2020, "Tangled up in BLEU"; Kocmi et al. 2021, "To
    Ship or Not to Ship").

    Args:
        metric: one of `METRICS`; with `bleu` a smoothed sentence BLEU, for looking at rows: arms are compared by corpus BLEU.
    """
    scores: dict[str, Callable[[], float]] = {
        "chrf": lambda: sentence_chrf(expected, output),
        "rouge_l": lambda: rouge(expected, output).rouge_l,
        "exact_match": lambda: same_text(expected, output),
        "bleu": lambda: sentence_bleu(expected, output),
    }
    return scores[metric]()


def same_text(expected: Output, output: str | None) -> float:
    """1.0 if the answer is one of the references, else 0.0; runs of white space count as one blank, and none at the ends.

    >>> same_text(("Rome", "In Rome."), " In  Rome.\\n"), same_text("Rome", "rome")
    (1.0, 0.0)
    """
    return float(output is not None and _folded(output) in {_folded(text) for text in references_of(expected)})


def is_empty(output: str | None) -> bool:
    """Whether an answer is missing or blank."""
    return output is None or not output.strip()


def chrf(expected: Sequence[Output], outputs: Sequence[str | None]) -> Figure:
    """Mean over rows of the answers' chrF."""
    return mean_score(expected, outputs, "chrf")


def mean_score(expected: Sequence[Output], outputs: Sequence[str | None], metric: str) -> Figure:
    """Mean over rows of `text_score`; ROUGE-L is undefined where no reference has a word that it knows."""
    if not expected:
        return undefined(NO_ROWS)
    if metric == "rouge_l" and not any(map(has_words, expected)):
        return undefined(NO_LETTERS)
    return Figure(float(np.mean([text_score(e, o, metric) for e, o in zip(expected, outputs, strict=True)])))


def bleu(expected: Sequence[Output], outputs: Sequence[str | None]) -> Figure:
    """Corpus BLEU as sacrebleu has it, in [0, 1]; undefined where every reference is shorter than four words.

    >>> bleu(["the cat sat on the mat"], ["the cat sat on the mat"]).value
    1.0000000000000004
    """
    if not expected:
        return undefined(NO_ROWS)
    if not long_enough(expected):
        return undefined(TOO_SHORT)
    return Figure(ngrams.corpus_score("bleu", ngrams.bleu_counts(expected, outputs)))


def long_enough(expected: Sequence[Output]) -> bool:
    """Whether some reference has as many words as BLEU's longest n-grams, in sacrebleu's own words."""
    first = ngrams.bleu_counts(expected, [max(references_of(row), key=len) for row in expected])
    return bool(first[:, -1].any())


def corpus_chrf(expected: Sequence[Output], outputs: Sequence[str | None]) -> Figure:
    """chrF of all answers together as sacrebleu has it, in [0, 1]: long answers weigh more than in the mean over rows."""
    if not expected:
        return undefined(NO_ROWS)
    return Figure(ngrams.corpus_score("chrf", ngrams.chrf_counts(expected, outputs)))


def distinct(outputs: Sequence[str | None], n: int) -> Figure:
    """Different n-grams of words over all n-grams of words in all answers (Li et al. 2016): low where answers repeat each other.

    It falls as there are more answers, so that it compares arms on the same rows only.

    >>> distinct(["a b", "a b"], 1).value
    0.5
    """
    found = [tuple(words[i : i + n]) for words in map(_words, outputs) for i in range(len(words) - n + 1)]
    return Figure(len(set(found)) / len(found)) if found else undefined(f"no answer has {n} words")


def mean_words(outputs: Sequence[str | None]) -> Figure:
    """Words of an answer, between white space, on average.

    >>> mean_words(["one two", None]).value
    1.0
    """
    return Figure(float(np.mean([len((o or "").split()) for o in outputs]))) if outputs else undefined(NO_ROWS)


def length_ratio(expected: Sequence[Output], outputs: Sequence[str | None]) -> Figure:
    """Words answered over words of the references nearest in length, as BLEU counts both; below 1 answers are too short."""
    if not expected:
        return undefined(NO_ROWS)
    words, nearest, *_ = ngrams.bleu_counts(expected, outputs).sum(axis=0)
    return Figure(float(words / nearest)) if nearest else undefined("no reference has a word")


def empty_answers(outputs: Sequence[str | None]) -> Figure:
    """Share of answers that are missing or blank."""
    return Figure(float(np.mean([is_empty(o) for o in outputs]))) if outputs else undefined(NO_ROWS)


def _folded(text: str) -> str:
    return " ".join(text.split())


def _words(output: str | None) -> list[str]:
    return _WORD.findall((output or "").casefold())
