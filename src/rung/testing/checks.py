"""The contract of a method as checks that run in this process. Knows `Method` and `Fitted`, no particular one, and no pytest."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Callable, Sequence

from rung.methods.base import Fitted, Kit, Method
from rung.metrics.extraction import entity_f1
from rung.metrics.generation import chrf
from rung.metrics.ngrams import references_of
from rung.models.base import Model
from rung.task import Context, Example, Prediction, Task, TaskKind
from rung.testing.sound import assert_same, assert_sound, check
from rung.testing.toy import TOY_KINDS, ToyKind, toy

#: Entities found on the toy set by anything that learnt what they look like (micro-F1).
LEAST_F1 = 0.3


class MethodChecks:
    """The checks of one method on one kind of toy. The first fit is shared."""

    def __init__(self, method: Method, model: Model | None, kind: ToyKind = "classify") -> None:
        self.method, self.model, self.kind = method, model if method.model_kinds else None, kind
        self.toy = toy(kind)
        self.before = copy.deepcopy((method, self.toy))
        with check(f"fits the toy task ({self.told})"):
            self.fitted = self.fit()

    @property
    def told(self) -> str:
        """What is checked, for messages."""
        base = "" if self.model is None else f", {self.model.info.family}"
        return f"{self.method.name}, {self.kind}{base}"

    def fit(self, seed: int = 0, *, validation: Sequence[Example] | None = None) -> Fitted:
        """Fit with nothing shared between fits."""
        rows = self.toy.validation if validation is None else validation
        return self.method.fit(self.toy.task, self.toy.train, rows, self.model, Context(), Kit(seed=seed))

    def run(self, beats_majority: bool) -> list[str]:
        """All checks, in order; their names."""
        checks: list[Callable[[], None]] = [
            self.knobs_survive_json,
            self.fit_changes_nothing,
            self.details_are_json,
            self.skip_reasons_never_raise,
            self.one_prediction_an_input_in_order,
            self.empty_in_empty_out,
            self.no_prediction_depends_on_neighbours,
            self.without_cache_is_the_same,
            self.odd_texts_survive,
            self.same_seed_same_answers,
            self.fits_without_validation,
        ]
        if self.kind == "scope":
            checks.append(self.validates_on_inputs_of_no_class)
        if beats_majority and self.method.name != "majority":
            checks.append(self.beats_majority)
        names = []
        for one in checks:
            name = one.__name__.replace("_", " ")
            with check(f"{name} ({self.told})"):
                one()
            names.append(name)
        return names

    def knobs_survive_json(self) -> None:
        """Knobs are plain values."""
        again = type(self.method).model_validate_json(self.method.model_dump_json())
        assert again == self.method, f"{again!r} is not {self.method!r}"

    def fit_changes_nothing(self) -> None:
        """Neither the method nor the rows."""
        assert (self.method, self.toy) == self.before, "knobs or data are not what they were before fit"

    def details_are_json(self) -> None:
        """What is told about a fit can be kept, and says how it did."""
        json.dumps(dict(self.fitted.details), allow_nan=False)
        assert self.fitted.trainable_parameters >= 0
        score = self.fitted.validation_score
        assert score is not None and 0 <= score <= 1, f"validation_score {score} with validation rows"

    def skip_reasons_never_raise(self) -> None:
        """Whatever the task and the rows are."""
        one = self.toy.task.model_copy(update={"labels": self.toy.task.labels[:1]})
        bare = self.toy.task.model_copy(update={"labels": ()})
        alike = tuple(row for row in self.toy.train if row.output == self.toy.train[0].output)
        for task in (one, bare, *(toy(kind).task for kind in TOY_KINDS)):
            for rows in ((), alike, self.toy.train):
                for model in (None, self.model):
                    assert_reason(self.method.skip_reason(task, model, rows))
        kinds: tuple[TaskKind, ...] = ("extract", "generate", "answer")
        for kind in kinds:
            assert_reason(self.method.skip_reason(Task(name="other", kind=kind), self.model, self.toy.train))
        if self.method.model_kinds:
            assert self.method.skip_reason(self.toy.task, None, self.toy.train), "needs a model, and runs without"

    def one_prediction_an_input_in_order(self) -> None:
        """And each of them sound."""
        inputs = self.toy.inputs
        forward, backward = self.fitted.predict(inputs), self.fitted.predict(inputs[::-1])
        assert len(forward) == len(inputs), f"{len(forward)} predictions for {len(inputs)} inputs"
        assert_same(forward, backward[::-1])
        for prediction, asked in zip(forward, inputs, strict=True):
            assert_sound(prediction, self.toy.task, asked)

    def empty_in_empty_out(self) -> None:
        """Nothing asked, nothing answered."""
        assert self.fitted.predict([]) == [] == self.fitted.without_cache().predict([])

    def no_prediction_depends_on_neighbours(self) -> None:
        """Alone and in a crowd."""
        inputs = self.toy.inputs[::3]
        fresh = self.fitted.without_cache()
        alone = [fresh.predict([item])[0] for item in inputs]
        crowd = fresh.predict([self.toy.odd[2], *inputs, self.toy.odd[0]])[1:-1]
        assert_same(alone, crowd)

    def without_cache_is_the_same(self) -> None:
        """What is remembered is what would be computed."""
        assert_same(self.fitted.predict(self.toy.inputs), self.fitted.without_cache().predict(self.toy.inputs))

    def odd_texts_survive(self) -> None:
        """Empty, long, in other scripts."""
        predictions = self.fitted.predict(self.toy.odd)
        assert len(predictions) == len(self.toy.odd)
        for prediction, asked in zip(predictions, self.toy.odd, strict=True):
            assert_sound(prediction, self.toy.task, asked)

    def same_seed_same_answers(self) -> None:
        """To the last bit of the weights."""
        again = self.fit()
        assert_same(self.fitted.predict(self.toy.inputs), again.predict(self.toy.inputs), bound=1e-6)
        assert again.weights_sha == self.fitted.weights_sha, "weights differ by their sha-256"

    def fits_without_validation(self) -> None:
        """And claims no score then."""
        fitted = self.fit(validation=())
        assert fitted.validation_score is None, "a validation score without validation rows"
        assert len(fitted.predict(self.toy.inputs)) == len(self.toy.inputs)

    def validates_on_inputs_of_no_class(self) -> None:
        """A validation set of its own may have rows whose label no training row has."""
        rows = (*self.toy.validation, *(row for row in self.toy.test if row.output not in self.toy.task.label_names))
        kit = Kit(refit=False)
        score = self.method.fit(self.toy.task, self.toy.train, rows, self.model, Context(), kit).validation_score
        assert score is not None and 0 <= score <= 1, f"validation_score {score} with validation rows"

    def beats_majority(self) -> None:
        """Better than one answer for everything."""
        predictions = self.fitted.predict(self.toy.inputs)
        if self.kind == "extract":
            self._finds_entities(predictions)
            return
        if self.kind == "generate":
            self._says_more_than_one_thing(predictions)
            return
        right = sum(p.output == row.output for p, row in zip(predictions, self.toy.test, strict=True))
        commonest = Counter(row.output for row in self.toy.test).most_common(1)[0][1]
        assert right >= commonest + 2, f"{right} of {len(self.toy.test)} right; majority has {commonest}"

    def _finds_entities(self, predictions: Sequence[Prediction]) -> None:
        given = [None if p.output is None else str(p.output) for p in predictions]
        score = entity_f1([str(row.output) for row in self.toy.test], given).value or 0.0
        assert score >= LEAST_F1, f"micro-F1 over entities {score:.2f}, less than {LEAST_F1}"

    def _says_more_than_one_thing(self, predictions: Sequence[Prediction]) -> None:
        expected = [row.output for row in self.toy.test]
        score = chrf(expected, [None if p.output is None else str(p.output) for p in predictions]).value or 0.0
        always = max(
            chrf(expected, [text] * len(expected)).value or 0.0 for row in expected for text in references_of(row)
        )
        assert score > always, f"chrF {score:.2f}; one text for everything has {always:.2f}"


def assert_reason(reason: object) -> None:
    """A reason to skip is None or says something."""
    assert reason is None or (isinstance(reason, str) and reason.strip()), f"not a reason: {reason!r}"
