"""Texts against references: sacrebleu's and rouge-score's own figures, several references, and what is undefined."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from rung.metrics import generation as g
from rung.metrics import ngrams
from rung.metrics.rouge import common_length, has_words, rouge
from rung.plan import TEXT_METRICS

TALK = "the a small big cat dog sat ran on in mat house, and then it slept 12 times"
WORDS = TALK.split()


def texts(rows: int, seed: int) -> list[str]:
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(WORDS, random.integers(1, 14))) for _ in range(rows)]


def references(rows: int = 60) -> list[str | tuple[str, ...]]:
    """One to four references a row."""
    columns = [texts(rows, seed) for seed in range(4)]
    return [row[0] if i % 4 == 0 else row[: 1 + i % 4] for i, row in enumerate(zip(*columns, strict=True))]


def answers(rows: int = 60, seed: int = 9) -> list[str | None]:
    """Answers of other words, the references' own, none and empty ones."""
    expected, found = references(rows), texts(rows, seed)
    own = [row if isinstance(row, str) else row[-1] for row in expected]
    return [None if i == 5 else "" if i == 6 else own[i] if i % 3 else text for i, text in enumerate(found)]


@pytest.mark.parametrize("case", ["mixed", "short", "strange", "nothing", "right"])
def test_bleu_and_chrf_are_sacrebleus_own(case: str) -> None:
    import sacrebleu

    expected = references()
    first = [row if isinstance(row, str) else row[0] for row in expected]
    given: list[str | None] = {
        "mixed": answers(),
        "short": [text.split()[0] for text in first],
        "strange": ["Zyx wvu"] * 60,
        "nothing": [None] * 60,
        "right": first,
    }[case]
    plain, streams = [text or "" for text in given], ngrams.padded(expected)
    bleu, chrf = sacrebleu.corpus_bleu(plain, streams).score, sacrebleu.corpus_chrf(plain, streams).score
    assert g.bleu(expected, given).value == bleu / 100
    assert g.corpus_chrf(expected, given).value == chrf / 100
    # the scores that resamples are given, from counts
    assert ngrams.bleu_of(ngrams.bleu_counts(expected, given).sum(axis=0)) == pytest.approx(bleu / 100, abs=1e-12)
    assert ngrams.chrf_of(ngrams.chrf_counts(expected, given).sum(axis=0)) == pytest.approx(chrf / 100, abs=1e-12)


def test_a_rows_chrf_is_sacrebleus_sentence_score() -> None:
    import sacrebleu

    expected, given = references(), answers()
    rows = list(zip(expected, given, strict=True))
    own = [sacrebleu.sentence_chrf(a or "", list(ngrams.references_of(e))).score / 100 for e, a in rows]
    assert [g.text_score(e, a) for e, a in rows] == own
    assert ngrams.chrf_of(ngrams.chrf_counts(expected, given)) == pytest.approx(own, abs=1e-12)
    assert g.chrf(expected, given).value == pytest.approx(np.mean(own))


def test_the_signature_says_how_many_references_there_are() -> None:
    assert ngrams.signatures(["a b", "c d"])["bleu"].startswith("nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:")
    assert ngrams.signatures(["a", ("b", "c")])["chrf"].startswith("nrefs:var|case:mixed|eff:yes|nc:6|nw:0|space:no|")


def test_linearised_bleu_has_bleu_as_its_mean_and_follows_it_on_resampled_rows() -> None:
    expected, given = references(400), answers(400)
    counts = ngrams.bleu_counts(expected, given)
    values = ngrams.bleu_influence(counts)
    assert values.mean() == pytest.approx(g.bleu(expected, given).value)
    random, errors, moves = np.random.default_rng(0), [], []
    for _ in range(200):
        drawn = random.integers(0, 400, 400)
        exact = float(ngrams.bleu_of(counts[drawn].sum(axis=0)))
        errors.append(values[drawn].mean() - exact)
        moves.append(exact)
    assert np.std(errors) < 0.1 * np.std(moves)
    assert not ngrams.bleu_influence(ngrams.bleu_counts(expected, [None] * 400)).any()


def test_rouge_is_that_of_rouge_score() -> None:
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False)
    for expected, given in zip(references(), answers(), strict=True):
        own = scorer.score_multi(list(ngrams.references_of(expected)), given or "")
        assert rouge(expected, given) == pytest.approx([own[name].fmeasure for name in own], abs=1e-12)


def test_long_texts_have_their_common_words_counted_in_no_time() -> None:
    random = np.random.default_rng(0)
    first, second = (list(map(str, random.integers(0, 500, 4000))) for _ in range(2))
    assert common_length(first, first) == 4000
    assert 250 < common_length(first, second) < 500
    assert common_length([], second) == common_length(first, []) == 0


def test_rouge_says_nothing_about_other_scripts() -> None:
    assert not has_words("Привет, мир") and has_words(("Привет", "mir"))
    found = g.mean_score(["Привет, мир"], ["Привет, мир"], "rouge_l")
    assert found.value is None and "letters a to z" in str(found.reason)
    assert g.text_score("Привет, мир", "Привет, мир") == 1.0


@pytest.mark.parametrize("metric", TEXT_METRICS)
def test_every_metric_is_1_for_a_reference_and_0_for_no_answer(metric: str) -> None:
    expected = ("The cat sat on the mat.", "On the mat sat the cat.")
    assert g.text_score(expected, expected[1], metric) == pytest.approx(1.0)
    assert g.text_score(expected, None, metric) == g.text_score(expected, " ", metric) == 0.0
    assert 0 <= g.text_score(expected, "A dog.", metric) < 0.5
    assert g.text_score("18", "18", metric) == pytest.approx(1.0), "answers of one word"


def test_figures_without_a_ground_are_undefined() -> None:
    for found in (g.bleu([], []), g.corpus_chrf([], []), g.chrf([], []), g.mean_words([]), g.empty_answers([])):
        assert found.value is None and found.reason == "there are no rows"
    assert g.bleu(["Rome", "two words"], ["Rome", "two words"]) == (None, g.TOO_SHORT)
    assert g.bleu(["one two three four"], ["Rome"]).value == 0.0
    assert g.distinct([None, "one"], 2) == (None, "no answer has 2 words")


def test_lengths_and_repetition() -> None:
    expected = ["one two three four", ("a b", "a b c d e f")]
    assert g.length_ratio(expected, ["one two", "a b c"]).value == pytest.approx(5 / 6)
    assert g.mean_words(["one two", None, "x y z w"]).value == 2.0
    assert g.empty_answers(["x", None, " \n"]).value == pytest.approx(2 / 3)
    assert g.distinct(["Yes it is.", "yes IT was"], 1).value == pytest.approx(4 / 6)
    assert g.distinct(["Yes it is.", "yes IT was"], 2).value == pytest.approx(3 / 4)


def test_importing_the_metrics_loads_neither_library() -> None:
    code = (
        "import sys, rung.metrics, rung.metrics.by_task, rung.evaluation.evaluate\n"
        "print([name for name in ('sacrebleu', 'rouge_score', 'nltk', 'absl') if name in sys.modules])\n"
        "from rung.metrics.rouge import rouge\nrouge('a b', 'a')\nprint('nltk' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[]", "False"]
