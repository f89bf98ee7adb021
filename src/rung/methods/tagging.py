"""The head of `extract` tasks: every word gets a tag, tags become entities (Devlin et al. 2019, section 5.3).

A word's features are the mean over its tokens' states, scaled to length 1, beside the shapes of it and its neighbours (capitals,
digits, signs; Collobert et al. 2011, section 4.2): an uncased tokenizer does not show them to the trunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from rung.entities import Entity, dump, parse
from rung.features import Features
from rung.methods import bio
from rung.methods.base import Kit
from rung.methods.heads import PROBE_C, Answered, Decision, Head, Item, Units, sampled, start_key
from rung.methods.logistic import Linear, Rotated
from rung.methods.vectors import softmax
from rung.metrics.extraction import entity_f1
from rung.models.base import Floats
from rung.models.words import WordRow, word_rows
from rung.task import Example, Input, Prediction, Usage

if TYPE_CHECKING:
    import torch

#: What is subtracted from the logit of O, chosen on validation rows: where most words are outside, cross-entropy favours O.
BIASES = tuple(i / 4 for i in range(-4, 17))
#: Rows a linear probe is solved on.
PROBE_ROWS = 1000
#: Words of a text, about. Losses are summed over texts: without it the gradient would be clipped at every step. With every word
#: weighed alike WNUT17's dev file went from 56.5 to 57.2, which is within chance; it is what Devlin et al. do.
USUAL_WORDS = 20.0
#: Weight of the shapes beside a state of length 1.
SHAPE_WEIGHT = 0.2


class TagHead(Head):
    """Entities of a text: a unit a word, outputs O and a B and an I for each type."""

    @property
    def outputs(self) -> int:
        """Number of tags."""
        return bio.tag_count(self.task.label_names)

    def items(self, inputs: Sequence[Input], reserved: int = 0) -> list[Item]:
        """Windows of the inputs, see `rung.models.words`."""
        found = []
        for window in word_rows(self.model, inputs, reserved):
            text = inputs[window.owner].text
            found.append(Item(window.row, (window, shapes([text[start:end] for start, end in window.spans]))))
        return found

    def units(self, item: Item) -> int:
        """Number of words."""
        return len(_window(item).spans)

    def wanted(self, items: Sequence[Item], examples: Sequence[Example]) -> list[np.ndarray]:
        """The tag of each word (W,)."""
        entities = [parse(str(example.output)) for example in examples]
        types = self.task.label_names
        windows = [_window(item) for item in items]
        return [bio.tags_of(window.spans, entities[window.owner], types) for window in windows]

    def features(self, trunk: torch.nn.Module, items: Sequence[Item]) -> torch.Tensor:
        """See `Head.features`."""
        return self._of_words(self.model.hidden(trunk, [item.row for item in items]), items)

    def _of_words(self, states_TD: torch.Tensor, items: Sequence[Item]) -> torch.Tensor:
        import torch

        counts = [self.units(item) for item in items]
        starts = np.cumsum([0, *counts])
        places = [
            np.where(_window(i).word_of < 0, -1, _window(i).word_of + at) for i, at in zip(items, starts, strict=False)
        ]
        place_T = torch.from_numpy(np.concatenate(places)).to(states_TD.device)
        kept = place_T >= 0
        sums_UD = torch.zeros(int(starts[-1]), states_TD.shape[1], device=states_TD.device)
        sums_UD = sums_UD.index_add(0, place_T[kept], states_TD[kept])  # the mean's direction is the sum's
        shapes_US = torch.from_numpy(np.concatenate([item.rest[1] for item in items])).to(states_TD.device)
        return torch.cat([torch.nn.functional.normalize(sums_UD, dim=-1), shapes_US], dim=1)

    def frozen(self, inputs: Sequence[Input], items: Sequence[Item], store: Features, kit: Kit | None = None) -> Units:
        """Computed anew: the states of all words are too many to keep for later."""
        trunk = self.model.shared()
        found: dict[int, np.ndarray] = {}

        def work(batch: list[int]) -> None:
            chosen = [items[i] for i in batch]
            ends = np.cumsum([self.units(item) for item in chosen])[:-1]
            found.update(zip(batch, np.split(self.features(trunk, chosen).cpu().numpy(), ends), strict=True))

        seconds_N = self.model.over([item.row for item in items], work, kit.events if kit else None)
        return Units(np.concatenate([found[i] for i in range(len(items))]), seconds_N)

    def loss(self, logits_UK: torch.Tensor, wanted: Sequence[np.ndarray]) -> torch.Tensor:
        """Cross-entropy, every word counting the same; `USUAL_WORDS` of them count as one text."""
        import torch

        wanted_U = torch.from_numpy(np.concatenate(wanted)).to(logits_UK.device)
        return torch.nn.functional.cross_entropy(logits_UK, wanted_U, reduction="sum") / USUAL_WORDS

    def start(self, examples: Sequence[Example], kit: Kit) -> Linear:
        """On the words of some rows, a start needs no more; solved once for all arms that start on the same rows."""
        chosen = sampled(examples, PROBE_ROWS, kit.seed)

        def probe() -> Linear:
            inputs = [example.input for example in chosen]
            items = self.items(inputs)
            wanted_UK = np.eye(self.outputs, dtype=np.float32)[np.concatenate(self.wanted(items, chosen))]
            features_UD = self.frozen(inputs, items, kit.features, kit).features_UD
            no_prior_KD = np.zeros((self.outputs, features_UD.shape[1]), np.float32)
            return Rotated.of(features_UD).solve(wanted_UK, PROBE_C, no_prior_KD, tolerance=1e-4)

        return kit.features.shared(start_key(self, chosen), probe, kit.ledger)

    def decide(
        self, inputs: Sequence[Input], items: Sequence[Item], found: Answered, rows: Sequence[Example]
    ) -> Decision:
        """The bias of O with the best micro-F1; the smallest of equals, and 0 where rows have no entity."""
        expected = [str(row.output) for row in rows]
        if all(text == "[]" for text in expected):
            return {"outside_bias": 0.0}
        scores = {}
        for bias in sorted(BIASES, key=abs):
            outputs = [p.output for p in self.answers(inputs, items, found, {"outside_bias": bias})]
            scores[bias] = entity_f1(expected, [None if o is None else str(o) for o in outputs]).value or 0.0
        return {"outside_bias": max(scores, key=lambda bias: scores[bias])}

    def answers(
        self, inputs: Sequence[Input], items: Sequence[Item], found: Answered, decision: Decision
    ) -> list[Prediction]:
        """The best allowed tags as JSON; the confidence is that every tag is right, were words independent."""
        logits_UK = found.logits_UK.astype(np.float64)
        logits_UK[:, bio.OUTSIDE] -= decision.get("outside_bias", 0.0)
        logs_UK = np.log(np.maximum(softmax(logits_UK), 1e-12)) if len(logits_UK) else logits_UK
        ends = np.cumsum([self.units(item) for item in items])[:-1]
        parts = np.split(logs_UK, ends) if items else []
        whole: dict[int, list[int]] = {}
        for place, item in enumerate(items):
            whole.setdefault(_window(item).owner, []).append(place)
        predictions = []
        for owner, text in enumerate(inputs):
            places = whole[owner]
            spans, logs_WK = _merged([_window(items[i]) for i in places], [parts[i] for i in places])
            predictions.append(self._answer(text.text, spans, logs_WK, items, places, found))
        return predictions

    def _answer(
        self,
        text: str,
        spans: bio.Spans,
        logs_WK: np.ndarray,
        items: Sequence[Item],
        places: Sequence[int],
        found: Answered,
    ) -> Prediction:
        tags_W = bio.best_tags(logs_WK)
        entities: list[Entity] = bio.entities_of(tags_W.tolist(), spans, self.task.label_names, text)
        confidence = float(np.exp(logs_WK[np.arange(len(tags_W)), tags_W].sum())) if len(tags_W) else 1.0
        tokens = sum(len(items[i].row.ids) for i in places)
        seconds = float(sum(found.seconds_N[i] for i in places))
        return Prediction(dump(entities), min(1.0, confidence), usage=Usage(tokens, seconds=seconds))

    def score(self, predictions: Sequence[Prediction], examples: Sequence[Example]) -> float | None:
        """Micro-F1 over entities; None also where there is no entity to find and none was found."""
        outputs = [None if p.output is None else str(p.output) for p in predictions]
        return entity_f1([str(e.output) for e in examples], outputs).value if examples else None


def _window(item: Item) -> WordRow:
    window: WordRow = item.rest[0]
    return window


def _merged(windows: Sequence[WordRow], parts: Sequence[np.ndarray]) -> tuple[bio.Spans, np.ndarray]:
    """All words of an input, each with the scores of the window in which it stands furthest from an edge."""
    if len(windows) == 1:
        return windows[0].spans, parts[0]
    best: dict[int, tuple[int, int, int]] = {}
    for number, window in enumerate(windows):
        for at, central in enumerate(window.centrality.tolist()):
            word = window.first + at
            if word not in best or central > best[word][0]:
                best[word] = (central, number, at)
    chosen = [best[word][1:] for word in sorted(best)]
    return [windows[n].spans[at] for n, at in chosen], np.stack([parts[n][at] for n, at in chosen])


def shapes(words: Sequence[str]) -> Floats:
    """What each word and its neighbours look like: (W, 3 * 10), weighed."""
    own_WS = np.array([_shape(word) for word in words], np.float32).reshape(-1, 10) * np.float32(SHAPE_WEIGHT)
    before_WS, after_WS = np.zeros_like(own_WS), np.zeros_like(own_WS)
    before_WS[1:], after_WS[:-1] = own_WS[:-1], own_WS[1:]
    return np.concatenate([before_WS, own_WS, after_WS], axis=1)


@lru_cache(maxsize=100_000)
def _shape(word: str) -> tuple[bool, ...]:
    upper = word.isupper()
    return (
        word.islower(),
        word[:1].isupper() and not (upper and len(word) > 1),
        upper and len(word) > 1,
        word[1:].lower() != word[1:] and not upper,
        word.isdigit(),
        any(c.isdigit() for c in word) and not word.isdigit(),
        not word.isalnum(),
        word == "@",
        word == "#",
        len(word) <= 2,
    )
