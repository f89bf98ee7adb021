"""Frozen features: what it chooses, from which rows, and how label names help."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from methods.conftest import rows_of, task_of
from rung.features import Features
from rung.methods.base import Fitted, Kit, Ledger
from rung.methods.deciding import Decision
from rung.methods.frozen_features import FittedFrozenFeatures, FrozenFeatures
from rung.methods.zero_shot import ZeroShot
from rung.models.base import Encoder, Model
from rung.task import Context, Example, Label, OutOfScope, Task, as_input
from rung.testing import assert_same, toy


def test_one_example_a_label_uses_the_names(minilm: Encoder) -> None:
    task = task_of("card_arrival", "lost_phone", "exchange_rate")
    rows = rows_of(
        ("It has been two weeks and nothing came", "card_arrival"),
        ("I dropped it on the train", "lost_phone"),
        ("How many euros do I get?", "exchange_rate"),
    )
    asked = [as_input(t) for t in ("Where is my card?", "My phone is gone", "What is the rate of the dollar today?")]
    named = FrozenFeatures().fit(task, rows, (), minilm, Context(), Kit())
    assert [p.output for p in named.predict(asked)] == list(task.label_names)
    blind = FrozenFeatures(label_prior="off").fit(task, rows, (), minilm, Context(), Kit())
    assert min(p.confidence or 0 for p in named.predict(asked)) > min(p.confidence or 0 for p in blind.predict(asked))


def test_a_label_without_examples_can_be_found_by_its_name(minilm: Encoder) -> None:
    data = toy()
    train = [row for row in data.train if row.output != "travel"]
    travel = [row.input for row in data.test if row.output == "travel"]
    named = FrozenFeatures(label_prior="on").fit(data.task, train, (), minilm, Context(), Kit()).predict(travel)
    blind = FrozenFeatures(label_prior="off").fit(data.task, train, (), minilm, Context(), Kit()).predict(travel)
    assert all(len(p.probabilities or ()) == 3 for p in [*named, *blind])
    assert max((p.probabilities or (1,) * 3)[2] for p in blind) < 0.05
    shares = [[(p.probabilities or ())[2] for p in part] for part in (named, blind)]
    assert np.mean(shares[0]) > 3 * np.mean(shares[1])


def test_descriptions_are_read_where_the_context_allows(tiny: Model) -> None:
    task = Task(name="t", labels=(Label(name="a", description="late parcel"), Label(name="b", description="a refund")))
    rows = rows_of(("good", "a"), ("bad", "b"))
    fits = [
        FrozenFeatures().fit(task, rows, (), tiny, Context(label_descriptions=said), Kit()) for said in (True, False)
    ]
    assert fits[0].weights_sha != fits[1].weights_sha


def test_validation_rows_choose_nothing(minilm: Encoder) -> None:
    data = toy()
    turned = [replace(row, output="food") for row in data.validation]
    kit = Kit(refit=False)
    honest = FrozenFeatures().fit(data.task, data.train, data.validation, minilm, Context(), kit)
    fooled = FrozenFeatures().fit(data.task, data.train, turned, minilm, Context(), kit)
    assert honest.weights_sha == fooled.weights_sha
    assert honest.validation_score == 1.0 and fooled.validation_score == pytest.approx(1 / 3)


def test_the_refit_learns_validation_rows_and_the_score_does_not(minilm: Encoder) -> None:
    data = toy()
    new = rows_of(("My cat purrs", "travel"), ("The kitten meows", "travel"))
    fitted = FrozenFeatures(label_prior="off").fit(data.task, data.train, new, minilm, Context(), Kit())
    kept = FrozenFeatures(label_prior="off").fit(data.task, data.train, new, minilm, Context(), Kit(refit=False))
    asked = [as_input("Cats and kittens purr")]
    assert (fitted.predict(asked)[0].probabilities or ())[2] > (kept.predict(asked)[0].probabilities or ())[2] + 0.1
    assert fitted.validation_score == kept.validation_score


def test_knobs_that_are_given_are_kept(tiny: Model) -> None:
    data = toy()
    method = FrozenFeatures(C=7.0, early_layers=0.25, label_prior="off")
    fitted = method.fit(data.task, data.train, data.validation, tiny, Context(), Kit())
    assert (fitted.details["C"], fitted.details["early_layers"], fitted.details["label_prior"]) == (7.0, 0.25, 0.0)
    assert fitted.details["folds"] == []


def test_open_knobs_are_chosen_on_folds_and_reported(tiny: Model) -> None:
    data = toy()
    details = FrozenFeatures().fit(data.task, data.train, data.validation, tiny, Context(), Kit()).details
    tried = {(row["C"], row["label_prior"], row["early_layers"]) for row in details["folds"]}
    assert (details["C"], details["label_prior"], details["early_layers"]) in tried
    assert len(tried) == len(details["folds"]) >= 7


def test_several_labels(minilm: Encoder) -> None:
    task = task_of("weather", "food", multi_label=True)
    data = toy()
    single = [row for row in data.train if row.output != "travel"]
    pairs: list[tuple[str, str | tuple[str, ...]]] = [(row.input.text, (str(row.output),)) for row in single]
    both = [
        (f"{a.input.text} {b.input.text}", ("food", "weather")) for a, b in zip(single[:10], single[10:], strict=True)
    ]
    none: list[tuple[str, str | tuple[str, ...]]] = [
        (row.input.text, ()) for row in data.train if row.output == "travel"
    ]
    fitted = FrozenFeatures().fit(task, rows_of(*pairs, *both, *none), (), minilm, Context(), Kit())
    asked = ["Will it snow tonight? And how do I bake bread?", "Will it snow tonight?", "Book a train ticket to Madrid"]
    outputs = [p.output for p in fitted.predict([as_input(text) for text in asked])]
    assert outputs == [("food", "weather"), ("weather",), ()]


def test_encoding_is_charged_as_if_done_alone(tiny: Model) -> None:
    data = toy()
    kit = Kit()
    first, second = Ledger(), Ledger()
    for ledger in (first, second):
        FrozenFeatures(C=1.0, label_prior="off").fit(
            data.task, data.train, (), tiny, Context(), replace(kit, ledger=ledger)
        )
    assert isinstance(tiny, Encoder)
    alone = kit.features.of(tiny, [row.input for row in data.train], layers="spread").seconds_N.sum()
    assert second.extra_s == pytest.approx(alone, rel=0.2)
    assert second.extra_s > first.extra_s


def test_one_label_in_training_is_a_reason_to_skip(tiny: Model) -> None:
    task = task_of("a", "b")
    reason = FrozenFeatures().skip_reason(task, tiny, rows_of(("x", "a"), ("y", "a")))
    assert reason is not None and "two labels" in reason


def open_toy(rate: float = 0.2) -> tuple[Task, list[Example], list[Example], list[Example]]:
    """The toy without `travel`, whose questions are asked all the same: task, train, in-scope test rows, out-of-scope rows."""
    data = toy()
    labels = tuple(label for label in data.task.labels if label.name != "travel")
    scope = OutOfScope(label="none of these", false_alarm_rate=rate)
    task = data.task.model_copy(update={"labels": labels, "out_of_scope": scope})
    train = [row for row in (*data.train, *data.validation) if row.output != "travel"]
    inside = [row for row in data.test if row.output != "travel"]
    outside = [row for row in (*data.train, *data.test) if row.output == "travel"]
    return task, train, inside, outside


def rejected(fitted: Fitted, rows: Sequence[Example]) -> float:
    return float(np.mean([p.output == "none of these" for p in fitted.predict([row.input for row in rows])]))


@pytest.mark.parametrize("cut", [0, 10])
def test_inputs_of_no_class_are_told_apart(minilm: Encoder, cut: int, tmp_path: Path) -> None:
    task, train, inside, outside = open_toy()
    validation = train[::2][:cut]
    kept = [row for row in train if row not in validation]
    fitted = FrozenFeatures().fit(task, kept, validation, minilm, Context(), Kit())
    assert rejected(fitted, outside) > 0.7
    assert rejected(fitted, inside) <= 0.4
    fitted.save(tmp_path)
    again = FrozenFeatures.load(tmp_path, task, minilm)
    assert [p.output for p in again.predict([row.input for row in outside])] == [
        p.output for p in fitted.predict([row.input for row in outside])
    ]


def test_known_rows_out_of_scope_are_a_class_and_no_neighbours(minilm: Encoder) -> None:
    task, train, inside, outside = open_toy()
    listed = task.model_copy(update={"labels": (*task.labels, Label(name="none of these"))})
    known = [replace(row, output="none of these") for row in outside[:6]]
    fitted = FrozenFeatures().fit(listed, [*train, *known], (), minilm, Context(), Kit())
    assert isinstance(fitted, FittedFrozenFeatures) and len(fitted.arrays["known"]) == len(train)
    assert rejected(fitted, outside[6:]) > 0.9 and rejected(fitted, inside) <= 0.4


def test_without_an_out_of_scope_label_no_text_is_remembered(tiny: Model) -> None:
    data = toy()
    fitted = FrozenFeatures(C=1.0).fit(data.task, data.train, data.validation, tiny, Context(), Kit())
    assert set(fitted.arrays) == {"weights", "bias"}
    assert fitted.details["decision"] == Decision().model_dump(mode="json")


def test_thresholds_come_from_validation_rows(minilm: Encoder) -> None:
    task, train, _, _ = open_toy(rate=0.5)
    half = [row for i, row in enumerate(train) if i % 2]
    rest = [row for i, row in enumerate(train) if not i % 2]
    alone = FrozenFeatures(C=30.0, label_prior="off").fit(task, half, rest, minilm, Context(), Kit(refit=False))
    encoded = alone.embed([row.input for row in rest])
    scores = alone.familiarity(encoded, alone.probabilities(encoded))
    assert scores is not None
    assert alone.details["decision"]["reject_below"] == pytest.approx(np.sort(scores)[(len(rest) + 1) // 2 - 1])


def test_after_the_refit_thresholds_are_those_of_all_rows(minilm: Encoder) -> None:
    task, train, _, _ = open_toy()
    method, kit = FrozenFeatures(C=30.0, early_layers=0.5, label_prior="off"), Kit()
    again = method.fit(task, train[:16], train[16:], minilm, Context(), kit)
    together = method.fit(task, train, (), minilm, Context(), kit)
    once = method.fit(task, train[:16], train[16:], minilm, Context(), replace(kit, refit=False))
    assert again.details["decision"] == together.details["decision"] != once.details["decision"]


def pair_rows() -> tuple[Task, list[Example]]:
    """Whether two questions of the toy are about the same thing."""
    texts = [(row.input.text, row.output) for row in (*toy().train, *toy().test)]
    random = np.random.default_rng(0)
    rows = []
    for i in range(400):
        (a, one), (b, other) = (texts[j] for j in random.choice(len(texts), 2, replace=False))
        if (one == other) == bool(i % 2):
            rows.append(Example(f"train:{i}", as_input((a, b)), "same" if one == other else "different"))
    return task_of("same", "different"), rows


def test_pairs_of_texts(minilm: Encoder, tmp_path: Path) -> None:
    task, rows = pair_rows()
    train, test = rows[:140], rows[140:]
    fitted = FrozenFeatures().fit(task, train[:110], train[110:], minilm, Context(), Kit())
    found = fitted.predict([row.input for row in test])
    assert np.mean([p.output == row.output for p, row in zip(found, test, strict=True)]) > 0.8
    assert fitted.details["label_prior"] == 0 and fitted.details["pairs"]
    fitted.save(tmp_path)
    again = FrozenFeatures.load(tmp_path, task, minilm).without_cache().predict([row.input for row in test])
    assert_same(found, again)
    odd = fitted.predict([as_input(("", "Will it rain?")), as_input(("Will it rain?", "")), as_input(("", ""))])
    assert all(p.output in task.label_names and np.isfinite(p.confidence or 0) for p in odd)


def test_pairs_and_names_of_labels(tiny: Model) -> None:
    task, rows = pair_rows()
    reason = FrozenFeatures(label_prior="on").skip_reason(task, tiny, rows)
    assert reason is not None and "how two texts relate" in reason
    mixed = FrozenFeatures().skip_reason(task, tiny, [*rows, *rows_of(("alone", "same"))])
    assert mixed is not None and "all pairs" in mixed
    named = ZeroShot().skip_reason(task, tiny, rows)
    assert named is not None and "two texts" in named


def test_one_example_of_each_of_many_labels(tiny: Model) -> None:
    task = task_of(*(f"label {i}" for i in range(400)))
    rows = rows_of(*((f"word {i} fox {i * 7}", f"label {i}") for i in range(400)))
    fitted = FrozenFeatures().fit(task, rows, (), tiny, Context(), Kit())
    assert fitted.details["folds"] == [] and fitted.arrays["weights"].shape[0] == 400


@pytest.mark.slow
def test_two_thousand_labels_of_two_examples(minilm: Encoder) -> None:
    import resource
    import time

    kinds = ["red", "old", "tall", "wet", "loud", "soft", "blue", "late", "warm", "odd"]
    nouns = [
        f"{a} {b}" for a in kinds for b in ("parcel", "train", "card", "oven", "letter", "lamp", "bicycle", "phone")
    ]
    acts = [
        f"{v} the" for v in ("send", "find", "cancel", "repair", "buy", "sell", "return", "paint", "insure", "lend")
    ]
    names = [f"{act} {noun}" for act in acts for noun in nouns]
    names = [f"{name} {when}" for when in ("now", "tomorrow", "abroad") for name in names][:2000]
    rows = [(f"{start} {name}", name) for name in names for start in ("I want to", "Could you please")]
    start = time.process_time()
    fitted = FrozenFeatures(label_prior="off").fit(
        task_of(*names), rows_of(*rows), (), minilm, Context(), Kit(features=Features())
    )
    assert time.process_time() - start < 120
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 2.5e6
    asked = names[::50]
    found = fitted.predict([as_input(f"I need to {name}") for name in asked])
    assert np.mean([p.output == name for p, name in zip(found, asked, strict=True)]) > 0.9
