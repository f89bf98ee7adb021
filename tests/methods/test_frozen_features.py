"""Frozen features: what it chooses, from which rows, and how label names help."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from methods.conftest import rows_of, task_of
from rung.methods.base import Kit, Ledger
from rung.methods.frozen_features import FrozenFeatures
from rung.models.base import Encoder, Model
from rung.task import Context, Label, Task, as_input
from rung.testing import toy


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
