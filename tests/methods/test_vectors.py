"""Answers from probabilities, label phrases, and layers weighed against each other."""

from __future__ import annotations

import numpy as np
import pytest

from methods.conftest import rows_of
from rung.errors import DataError
from rung.features import Features
from rung.methods.vectors import Embedder, accuracy, label_phrases, softmax, unit, words
from rung.models.base import Encoder, Model
from rung.task import Context, Label, Prediction, as_input


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Refund_not_showing_up", "refund not showing up"),
        ("SearchScreeningEvent", "search screening event"),
        ("reverted_card_payment?", "reverted card payment?"),
        ("HTTPError404", "http error404"),
        ("___", "___"),
        ("Größe", "größe"),
    ],
)
def test_words(name: str, said: str) -> None:
    assert words(name) == said


def test_descriptions_are_phrases_only_where_wanted() -> None:
    label = Label(name="a_b", description="Something else")
    assert any("Something else" in text for text in label_phrases(label, Context()))
    assert not any("Something" in text for text in label_phrases(label, Context(label_descriptions=False)))


def test_accuracy_is_undefined_without_rows() -> None:
    assert accuracy([], []) is None
    rows = rows_of(("x", "a"), ("y", ("b", "a")), ("z", "c"))
    assert accuracy([Prediction("a"), Prediction(("a", "b")), Prediction(None)], rows) == pytest.approx(2 / 3)


def test_softmax_of_nothing_and_of_impossible_labels() -> None:
    assert softmax(np.zeros((0, 3))).shape == (0, 3)
    assert softmax(np.array([[1e5, -np.inf]])).tolist() == [[1.0, 0.0]]


def test_weighed_rows_have_length_one_and_the_last_layer_at_the_end(tiny: Model) -> None:
    assert isinstance(tiny, Encoder)
    embed = Embedder(tiny)
    encoded = embed([as_input("good fox"), as_input("late")])
    width = tiny.info.hidden_size
    blocks = embed.blocks(encoded.vectors_ND)
    assert blocks.shape == (2, 2 * width)
    assert np.allclose(
        blocks[:, -width:], unit(tiny.encode([as_input("good fox"), as_input("late")]).vectors_ND), atol=0.02
    )
    for early in (0.0, 0.5, 1.0):
        rows = embed.weighed(blocks, early)
        assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
        shares = np.linalg.norm(rows[:, :width], axis=1) / np.linalg.norm(rows[:, width:], axis=1)
        assert np.allclose(shares, early, atol=1e-5)


def test_the_shared_store_is_used_until_it_is_left_out(tiny: Model) -> None:
    assert isinstance(tiny, Encoder)
    store = Features()
    embed = Embedder(tiny, store)
    first = embed([as_input("good fox")])
    again = embed([as_input("good fox")])
    assert first.seconds_N.tolist() == again.seconds_N.tolist()
    fresh = Embedder(tiny)([as_input("good fox")])
    assert fresh.seconds_N.tolist() != first.seconds_N.tolist()
    assert np.allclose(fresh.vectors_ND, first.vectors_ND, atol=0.02)


def test_pairs_are_encoded_side_by_side(tiny: Model) -> None:
    assert isinstance(tiny, Encoder)
    store = Features()
    pairs = [as_input(("good fox", "late")), as_input(("late", ""))]
    both = Embedder(tiny, store, apart=True)(pairs)
    single = Embedder(tiny, store)([as_input(text) for text in ("good fox", "late", "")])
    first, late, empty = single.vectors_ND
    assert (both.vectors_ND == np.stack([np.concatenate([first, late]), np.concatenate([late, empty])])).all()
    assert both.tokens_N.tolist() == [single.tokens_N[0] + single.tokens_N[1], single.tokens_N[1] + single.tokens_N[2]]
    assert both.seconds_N[0] == pytest.approx(single.seconds_N[0] + single.seconds_N[1])
    assert Embedder(tiny, apart=True)([]).vectors_ND.shape == (0, 2 * single.vectors_ND.shape[1])


def test_a_single_text_among_pairs_is_refused(tiny: Model) -> None:
    assert isinstance(tiny, Encoder)
    with pytest.raises(DataError, match="pair"):
        Embedder(tiny, apart=True)([as_input(("good", "fox")), as_input("alone")])


def test_rows_of_pairs_have_four_parts_and_length_one(tiny: Model) -> None:
    assert isinstance(tiny, Encoder)
    embed = Embedder(tiny, apart=True)
    encoded = embed([as_input(("good fox", "late")), as_input(("late", "good fox")), as_input(("late", "late"))])
    width = tiny.info.hidden_size
    rows = embed.related(encoded.vectors_ND)
    assert rows.shape == (3, 4 * width) and np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    u, v, apart, product = np.split(rows, 4, axis=1)
    assert np.allclose(u[0] / np.linalg.norm(u[0]), v[1] / np.linalg.norm(v[1]), atol=1e-5)
    assert np.allclose(rows[0, 2 * width :], rows[1, 2 * width :], atol=1e-6)
    assert np.allclose(apart[2], 0, atol=1e-6) and (product[2] >= 0).all()
    assert embed.related(encoded.vectors_ND, 0.5).shape[1] == 2 * rows.shape[1]
