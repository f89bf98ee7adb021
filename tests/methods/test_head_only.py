"""head_only: only the head moves, a text goes through the trunk once, a rate can be searched, and a cut training is taken up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rung.features import Features
from rung.methods import make
from rung.methods.base import Fitted, Kit, Ledger
from rung.methods.head_only import even
from rung.models.base import Encoded
from rung.models.encoder import TransformerEncoder
from rung.task import Context, Input
from rung.testing.toy import toy

TOY = toy()


class Counting(TransformerEncoder):
    """Counts the texts that went through the trunk."""

    read = 0

    def encode(self, inputs: Sequence[Input], **how: Any) -> Encoded:
        self.read += len(inputs)
        return super().encode(inputs, **how)


def fit(model: TransformerEncoder, kit: Kit | None = None, **knobs: Any) -> Fitted:
    return make("head_only", knobs).fit(TOY.task, TOY.train, TOY.validation, model, Context(), kit or Kit())


def test_a_text_goes_through_the_trunk_once(tiny_folder: Path) -> None:
    model = Counting("tiny", tiny_folder)
    fitted = fit(model, epochs=20)
    fitted.predict(TOY.inputs)
    fitted.predict(TOY.inputs)
    assert model.read == len(TOY.train) + len(TOY.validation) + len(TOY.inputs)
    fitted.without_cache().predict(TOY.inputs)
    assert model.read == len(TOY.train) + len(TOY.validation) + 2 * len(TOY.inputs)


def test_the_trunk_stays_as_it_was(tiny_folder: Path) -> None:
    model = TransformerEncoder("tiny", tiny_folder)
    before = {name: p.clone() for name, p in model.shared().named_parameters()}
    fitted = fit(model)
    assert all(torch.equal(p, before[name]) for name, p in model.shared().named_parameters())
    assert fitted.trainable_parameters == 32 * 256 + 256 + 256 * 3 + 3


def test_encoding_is_charged_to_the_arm(tiny_folder: Path) -> None:
    store, first, second = Features(), Ledger(), Ledger()
    model = TransformerEncoder("tiny", tiny_folder)
    for ledger in (first, second):
        fit(model, Kit(features=store.charging(ledger), ledger=ledger), epochs=1)
    assert second.extra_s > 0, "what the first arm encoded is charged to the second as well"


def test_a_searched_rate_is_reported_and_taken(tiny_encoder: TransformerEncoder) -> None:
    fitted = fit(tiny_encoder, learning_rate=None, epochs=4)
    tried = fitted.details["learning_rates"]
    assert [t["learning_rate"] for t in tried] == [3e-4, 1e-3, 3e-3]
    best = min(tried, key=lambda t: t["validation_loss"])
    assert [t["chosen"] for t in tried].count(True) == 1 and best["chosen"]
    assert fitted.details["learning_rate"] == best["learning_rate"]


def test_a_given_rate_is_not_searched(tiny_encoder: TransformerEncoder) -> None:
    fitted = fit(tiny_encoder, learning_rate=0.002, epochs=1)
    assert "learning_rates" not in fitted.details and fitted.details["learning_rate"] == 0.002


def test_a_training_that_was_cut_ends_with_the_same_weights(tiny_encoder: TransformerEncoder, tmp_path: Path) -> None:
    whole = fit(tiny_encoder, epochs=4)
    cut = fit(tiny_encoder, Kit(checkpoints=tmp_path, deadline=0.0), epochs=4)
    assert cut.weights_sha != whole.weights_sha
    for path in tmp_path.rglob("*.json"):
        path.write_text(path.read_text().replace('"deadline"', '""'))
    assert fit(tiny_encoder, Kit(checkpoints=tmp_path), epochs=4).weights_sha == whole.weights_sha


def test_features_are_scaled_to_about_one() -> None:
    rows = np.eye(4, dtype=np.float32)
    assert even(rows) == pytest.approx(2 * rows)


def test_out_of_time_there_is_no_second_fit(tiny_encoder: TransformerEncoder) -> None:
    assert "refit" in fit(tiny_encoder, epochs=4).details
    assert "refit" not in fit(tiny_encoder, Kit(deadline=0.0), epochs=4).details
