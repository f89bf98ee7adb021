"""Contrastive: what is contrasted with what, the loss, and a method that tunes, answers, is saved and goes on after a kill."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from methods.conftest import rows_of, task_of
from rung.events import Event, Events
from rung.methods import load_fitted, make
from rung.methods.base import Kit
from rung.methods.contrast import TOGETHER, UNIT_TEXTS, ContrastSubject, Texts, agreement, contrastive_loss, draw_units
from rung.methods.contrastive import Contrastive, FittedContrastive
from rung.methods.logistic import Linear
from rung.models.base import Encoder, Model
from rung.task import Context, Label, OutOfScope, Task, as_input
from rung.testing import check_method, toy


def one_hot(*labels: int, count: int = 3) -> np.ndarray:
    return np.eye(count, dtype=np.float32)[list(labels)]


def unit(rows: list[list[float]]) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.tensor(rows), dim=-1)


def test_every_text_comes_every_round_and_never_twice_in_a_unit() -> None:
    wanted_NK = one_hot(*[0] * 31, *[1] * 40, *[2] * 2)
    units = draw_units(wanted_NK, rounds=4, seed=1)
    counts = np.bincount([i for unit in units for i in unit], minlength=73)
    assert counts.min() >= 3 and counts.sum() >= 4 * 70
    assert all(len(set(unit)) == len(unit) for unit in units)
    assert all(UNIT_TEXTS // 2 <= len(unit) <= UNIT_TEXTS + 2 * TOGETHER for unit in units)
    assert draw_units(wanted_NK, rounds=4, seed=1) == units != draw_units(wanted_NK, rounds=4, seed=2)


def test_texts_have_company_of_their_label() -> None:
    wanted_NK = one_hot(*range(60), *range(60), *range(60), count=60)
    for unit_ in draw_units(wanted_NK, rounds=2, seed=0):
        assert (agreement(wanted_NK[unit_]).sum(1) > 0).all()


def test_a_text_alone_or_without_label_is_contrasted_too() -> None:
    wanted_NK = np.concatenate([one_hot(0, 0, 1), np.zeros((1, 3), np.float32)])
    assert [sorted(unit_) for unit_ in draw_units(wanted_NK, rounds=1, seed=0)] == [[0, 1, 2, 3]]


def test_agreement_is_one_for_the_same_label_and_shared_over_all_with_several() -> None:
    assert agreement(one_hot(0, 1, 0)).tolist() == [[0, 0, 1], [0, 0, 0], [1, 0, 0]]
    several = np.array([[1, 1, 0], [1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 0, 0]], np.float32)
    assert agreement(several)[0].tolist() == [0, 0.5, 1, 0, 0]
    assert agreement(several)[3].tolist() == [0, 0, 0, 0, 0]


def test_loss_is_the_cross_entropy_of_picking_company() -> None:
    features = unit([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    loss = contrastive_loss(features, torch.from_numpy(agreement(one_hot(0, 1, 0))), temperature=0.5)
    # texts 0 and 2 pick each other at similarity 1 among one other at similarity 0; text 1 has no company and counts for nothing
    assert float(loss) == pytest.approx(math.log(1 + math.exp(-2.0)), abs=1e-6)


def test_loss_without_company_is_zero_with_zero_gradient() -> None:
    features = unit([[1.0, 0.2], [0.3, 1.0]]).requires_grad_(True)
    loss = contrastive_loss(features, torch.zeros(2, 2), temperature=0.1)
    loss.backward()  # type: ignore[no-untyped-call]
    assert float(loss.detach()) == 0.0 and features.grad is not None and not features.grad.any()


def test_loss_is_lower_where_labels_lie_together() -> None:
    agree = torch.from_numpy(agreement(one_hot(0, 0, 1, 1)))
    apart = contrastive_loss(unit([[1.0, 0.1], [1.0, -0.1], [-0.1, 1.0], [0.1, 1.0]]), agree, 0.1)
    mixed = contrastive_loss(unit([[1.0, 0.1], [0.1, 1.0], [-0.1, 1.0], [1.0, -0.1]]), agree, 0.1)
    assert float(apart) < 0.1 < 5 < float(mixed)


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_loss_does_not_depend_on_how_units_are_shared_out(tiny: Encoder, share: float) -> None:
    data = toy()
    wanted_NK = one_hot(*[i % 3 for i in range(len(data.train))])
    units = draw_units(wanted_NK, rounds=3, seed=0)
    texts = Texts([row.input for row in data.train], wanted_NK, wanted_NK)
    start = Linear(np.ones((3, tiny.info.hidden_size), np.float32), np.zeros(3, np.float32))
    subject = ContrastSubject(tiny, tiny.trunk(), texts, units, start, temperature=0.1, share=share, head_rate=1e-2)
    whole = float(subject.loss(range(len(units))).detach())
    assert whole == pytest.approx(sum(float(subject.loss([i]).detach()) for i in range(len(units))), rel=1e-5)
    assert subject.lengths == [sum(len(subject.rows[i].ids) for i in unit_) for unit_ in units]
    pairs, alike = subject.pairs()
    assert pairs == sum(len(u) * (len(u) - 1) // 2 for u in units) and 0 < alike < pairs


def test_contract_on_a_random_encoder(tiny: Model) -> None:
    passed = check_method(Contrastive(passes=2), tiny, beats_majority=False)
    assert "same seed same answers" in passed and "same after loading in a fresh process" in passed


def test_one_example_a_label_has_its_name_for_company(tiny: Model) -> None:
    rows = rows_of(("good word", "fine"), ("bad fox", "awful"), ("late parcel", "late"))
    fitted = Contrastive(passes=1).fit(task_of("fine", "awful", "late"), rows, (), tiny, Context(), Kit())
    assert fitted.details["texts"] == 6 and fitted.details["pairs"] == 15
    assert fitted.details["pairs_sharing_a_label"] == 3


@pytest.mark.parametrize("knobs", [{"label_texts": False}, {}])
def test_nothing_shared_is_a_reason_to_skip(tiny: Model, knobs: dict[str, bool]) -> None:
    method = Contrastive.model_validate(knobs)
    task = task_of("a", "b")
    pair = (("good word", "fine"), ("bad fox", "awful"))
    rows = rows_of(("x", "a"), ("y", "b"))
    if method.label_texts:
        rows = [type(row)(row.id, as_input(texts), row.output) for row, texts in zip(rows, pair, strict=True)]
    assert "at least two training examples" in (method.skip_reason(task, tiny, rows) or "")
    assert method.skip_reason(task, tiny, [*rows, rows[0]]) is None


def test_pairs_of_texts_are_read_as_one_sequence(tiny: Model) -> None:
    rows = [
        type(row)(row.id, as_input((row.input.text, "the quick fox")), row.output)
        for row in rows_of(*[(f"good {i}", "yes") for i in range(4)], *[(f"bad {i}", "no") for i in range(4)])
    ]
    fitted = Contrastive(passes=1).fit(task_of("yes", "no"), rows, rows, tiny, Context(), Kit())
    assert fitted.details["texts"] == 8, "names of labels are no pairs"
    assert {p.output for p in fitted.predict([row.input for row in rows])} <= {"yes", "no"}


def test_inputs_of_no_class_are_not_drawn_together(tiny: Model) -> None:
    rows = rows_of(*[(f"good {i}", "in") for i in range(4)], *[(f"fox {i}", "none of these") for i in range(4)])
    task = Task(name="t", labels=(Label(name="in"), Label(name="none of these")), out_of_scope=OutOfScope())
    fitted = Contrastive(passes=1).fit(task, rows, rows, tiny, Context(), Kit())
    assert fitted.details["texts"] == 9, "the label of the rest has no text"
    assert fitted.details["pairs_sharing_a_label"] == 10, "5 texts of the one class"
    assert fitted.details["decision"]["reject_below"] is not None


def test_all_rows_are_fitted_again_where_validation_was_cut_from_train(tiny: Model) -> None:
    data = toy()

    def fit(**knobs: object) -> FittedContrastive:
        method = Contrastive.model_validate({"passes": 1, **knobs})
        return method.fit(data.task, data.train, data.validation, tiny, Context(), Kit())

    again, once = fit(), fit(refit="never")
    assert again.details["refit"]["rows"] == len(data.train) + len(data.validation)
    assert "refit" not in once.details
    assert again.validation_score == once.validation_score
    assert again.weights_sha != once.weights_sha


def test_what_is_kept_answers_alike(tiny: Model, tmp_path: Path) -> None:
    data = toy("several")
    fitted = Contrastive(passes=1).fit(data.task, data.train, data.validation, tiny, Context(), Kit())
    fitted.save(tmp_path)
    again = load_fitted(tmp_path, lambda name: tiny)
    assert again.weights_sha == fitted.weights_sha
    assert again.predict(data.inputs)[0].probabilities == fitted.predict(data.inputs)[0].probabilities
    assert sorted(p.name for p in tmp_path.iterdir()) == ["fitted.json", "fitted.safetensors", "learnt.safetensors"]


def test_a_deadline_in_the_past_still_gives_a_classifier(tiny: Model) -> None:
    data = toy()
    fitted = Contrastive(passes=4).fit(data.task, data.train, data.validation, tiny, Context(), Kit(deadline=0.0))
    assert fitted.details["stopped"] == "deadline" and fitted.details["steps"] == 1
    assert "refit" not in fitted.details and len(fitted.predict(data.inputs)) == len(data.inputs)


def test_cut_off_in_the_second_training_ends_the_same(tiny: Model, tmp_path: Path) -> None:
    data = toy()
    method = make("contrastive", {"passes": 3})
    seen: list[float] = []

    def kit(stop_at: int | None) -> Kit:
        def listen(event: Event) -> None:
            if event.kind == "progress" and event.unit == "steps":
                seen.append(event.done or 0)
                if seen.count(1) == stop_at:
                    raise KeyboardInterrupt

        return Kit(events=Events((listen,)), checkpoints=tmp_path)

    whole = method.fit(data.task, data.train, data.validation, tiny, Context(), Kit())
    with pytest.raises(KeyboardInterrupt):
        method.fit(data.task, data.train, data.validation, tiny, Context(), kit(2))
    seen.clear()
    resumed = method.fit(data.task, data.train, data.validation, tiny, Context(), kit(None))
    assert seen.count(1) == 1, "the first training was run again"
    assert resumed.weights_sha == whole.weights_sha


def test_tuning_draws_texts_of_a_label_together(minilm: Encoder) -> None:
    data = toy()
    fitted = Contrastive(passes=8, learning_rate=1e-4).fit(data.task, data.train, (), minilm, Context(), Kit())
    index = {name: i for i, name in enumerate(data.task.label_names)}
    wanted = torch.from_numpy(agreement(one_hot(*[index[str(row.output)] for row in data.test])))

    def loss(module: torch.nn.Module | None) -> float:
        vectors_ND = minilm.encode(data.inputs, module=module).vectors_ND
        return float(contrastive_loss(unit(vectors_ND.tolist()), wanted, 0.1))

    assert loss(fitted.embed.module) < loss(None) - 0.3, "on texts that were not seen"
