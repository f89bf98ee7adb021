"""The loop on a tiny regression whose answer is known: it learns, stops, resumes exactly, and refuses NaN."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from rung.errors import StorageError, TrainingError
from rung.events import Event, Events
from rung.training import Checkpoints, Recipe, train
from rung.training.loop import epoch_batches, rate_at, steps_for, stop_step
from rung.training.steps import ThreadedStep, current_generator, split_by_tokens


class Line:
    """y = w x on 64 rows, with a little dropout from the share's own generator."""

    def __init__(self, rows: int = 64, noise: float = 0.1) -> None:
        self.module = torch.nn.Linear(4, 1, bias=False)
        with torch.no_grad():
            self.module.weight.fill_(0.5)
        generator = torch.Generator().manual_seed(1)
        self.x = torch.randn(rows, 4, generator=generator)
        self.y = self.x @ torch.tensor([1.0, -2.0, 3.0, 0.0])
        self.lengths = [1 + i % 7 for i in range(rows)]
        self.noise = noise

    def loss(self, rows: Sequence[int]) -> torch.Tensor:
        x = self.x[list(rows)]
        x = x * (torch.rand(x.shape, generator=current_generator()) > self.noise)
        return ((self.module(x).squeeze(1).float() - self.y[list(rows)]) ** 2).sum()

    def groups(self, learning_rate: float, weight_decay: float) -> list[dict[str, Any]]:
        return [{"params": list(self.module.parameters()), "lr": learning_rate, "weight_decay": weight_decay}]

    def validate(self) -> float | None:
        with torch.no_grad():
            return -float(((self.module(self.x).squeeze(1) - self.y) ** 2).mean())


RECIPE = Recipe(learning_rate=0.1, epochs=12, batch_size=8, weight_decay=0.0)


class Stop(Exception):
    """A listener's way to interrupt."""


def test_it_learns_and_keeps_the_best_weights() -> None:
    line = Line(noise=0.0)
    progress = train(line, RECIPE)
    assert progress.step == steps_for(64, RECIPE) == 96
    assert progress.best_score is not None and progress.best_score > -0.05
    assert line.validate() == pytest.approx(progress.best_score, abs=1e-6)
    assert progress.tokens == 12 * sum(line.lengths)


@pytest.mark.parametrize("stop_at", [1, 8, 30, 95])
def test_a_training_cut_off_and_taken_up_ends_with_the_same_bits(tmp_path: Path, stop_at: int) -> None:
    whole = Line()
    undisturbed = train(whole, RECIPE)

    def cut(event: Event) -> None:
        if event.kind == "progress" and event.done == stop_at + 1:
            raise Stop

    with pytest.raises(Stop):
        train(Line(), RECIPE, events=Events((cut,)), checkpoints=Checkpoints(tmp_path, every_s=0))
    resumed = Line()
    seen: list[float] = []
    events = Events((lambda e: seen.append(e.done or 0) if e.kind == "progress" else None,))
    progress = train(resumed, RECIPE, events=events, checkpoints=Checkpoints(tmp_path, every_s=0))
    assert torch.equal(whole.module.weight, resumed.module.weight)
    assert seen[0] == stop_at + 1, "it went on from the checkpoint, not from the start"
    assert progress.step == 96 and progress.history == undisturbed.history


def test_a_finished_training_is_not_repeated(tmp_path: Path) -> None:
    first = Line()
    train(first, RECIPE, checkpoints=Checkpoints(tmp_path, every_s=1e9))
    again = Line()
    seen: list[Event] = []
    train(again, RECIPE, events=Events((seen.append,)), checkpoints=Checkpoints(tmp_path))
    assert not seen and torch.equal(first.module.weight, again.module.weight)


@pytest.mark.parametrize(("fact", "value"), [("rung", "0.0.1"), ("torch", "1.0"), ("threads", "77"), (None, None)])
def test_a_checkpoint_of_other_code_is_left_alone_with_a_message(
    tmp_path: Path, fact: str | None, value: str | None
) -> None:
    train(Line(), RECIPE, checkpoints=Checkpoints(tmp_path))
    (file,) = tmp_path.rglob("state.json")
    state = json.loads(file.read_text())
    state["code"] = {**state["code"], fact: value} if fact else None
    file.write_text(json.dumps(state))
    seen: list[Event] = []
    progress = train(Line(), RECIPE, events=Events((seen.append,)), checkpoints=Checkpoints(tmp_path))
    (message,) = [event.text for event in seen if event.kind == "message"]
    assert "the training begins anew" in message and (f"{fact} {value}" if fact else "an older version") in message
    assert next(event.done for event in seen if event.kind == "progress") == 1 and progress.step == 96


def test_a_checkpoint_of_another_recipe_or_a_damaged_one_is_left_alone(tmp_path: Path) -> None:
    train(Line(), RECIPE, checkpoints=Checkpoints(tmp_path))
    other = RECIPE.model_copy(update={"learning_rate": 0.05})
    fresh, taken = Line(), Line()
    train(fresh, other)
    train(taken, other, checkpoints=Checkpoints(tmp_path))
    assert torch.equal(fresh.module.weight, taken.module.weight)
    for file in tmp_path.rglob("state.safetensors"):
        file.write_bytes(file.read_bytes()[:50])
    whole, damaged = Line(), Line()
    train(whole, other)
    train(damaged, other, checkpoints=Checkpoints(tmp_path))
    assert torch.equal(whole.module.weight, damaged.module.weight)


def test_worker_threads_make_the_step_of_one_pass() -> None:
    steps = []
    for threads in (1, 3):
        line = Line(noise=0.0)
        step = ThreadedStep(line, RECIPE, threads, torch.float32, 1e9)
        loss = step(list(range(20)), 0, 1.0)
        steps.append((loss, line.module.weight.detach().clone()))
    assert steps[0][0] == pytest.approx(steps[1][0], rel=1e-5)
    torch.testing.assert_close(steps[0][1], steps[1][1], rtol=1e-5, atol=1e-6)


def test_nan_stops_with_the_best_weights_kept() -> None:
    line = Line(noise=0.0)
    real, calls = line.loss, [0]

    def broken(rows: Sequence[int]) -> torch.Tensor:
        calls[0] += 1
        return real(rows) * (float("nan") if calls[0] > 60 else 1.0)

    line.loss = broken  # type: ignore[method-assign]
    with pytest.raises(TrainingError, match="loss became nan") as error:
        train(line, RECIPE)
    assert "learning_rate" in str(error.value)
    assert torch.isfinite(line.module.weight).all()


def test_patience_stops_early() -> None:
    line = Line(noise=0.0)
    scores = iter([1.0, 2.0, 1.5, 1.5, 1.5, 9.0, 9.0])
    line.validate = lambda: next(scores)  # type: ignore[method-assign]
    progress = train(line, RECIPE.model_copy(update={"patience": 3}))
    assert (progress.best_step, progress.step, progress.stopped) == (16, 40, "no better validation")


def test_a_deadline_stops() -> None:
    assert train(Line(), RECIPE, deadline=0.0).stopped == "deadline"


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("a file where the folder should be")
    with pytest.raises(StorageError):
        train(Line(), RECIPE, checkpoints=Checkpoints(blocked / "inside", every_s=0))


def test_batches_cover_every_row_once_and_hold_rows_of_like_length() -> None:
    lengths = [(i * 37) % 90 + 1 for i in range(1000)]
    batches = epoch_batches(lengths, 32, seed=3, epoch=1)
    assert sorted(i for batch in batches for i in batch) == list(range(1000))
    assert batches == epoch_batches(lengths, 32, seed=3, epoch=1) != epoch_batches(lengths, 32, seed=3, epoch=2)
    padded = sum(max(lengths[i] for i in batch) * len(batch) for batch in batches)
    assert padded < 1.15 * sum(lengths)


def test_shares_are_balanced_and_none_is_empty() -> None:
    lengths = [5, 9, 3, 30, 7, 2, 8, 8]
    shares = split_by_tokens(range(8), lengths, 2)
    assert sorted(i for s in shares for i in s) == list(range(8)) and len(shares) == 2
    assert [len(s) for s in split_by_tokens([0, 1], lengths, 4)] == [1, 1]
    assert max(sum(lengths[i] for i in s) for s in shares) <= 45


def test_the_schedule_rises_falls_and_can_be_cut() -> None:
    rates = [rate_at(step, 100, RECIPE) for step in range(100)]
    assert max(rates) == rates[10] == 1.0 and rates[0] < 0.2 and rates[-1] < 0.02
    assert stop_step(64, RECIPE.model_copy(update={"stop_epochs": 2.5})) == 20
