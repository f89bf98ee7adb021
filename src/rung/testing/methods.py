"""The contract of a method as checks. Knows `Method` and `Fitted`, no particular one, and no pytest."""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rung.methods.base import Fitted, Kit, Method
from rung.models.base import Model
from rung.task import Context, Example, Prediction, Task, TaskKind, as_input
from rung.testing.fresh import OPENER, Saved, predict_in_fresh_process
from rung.testing.toy import ODD_TEXTS, TOY_LABELS, Toy, toy

#: How far a probability may move with an input's neighbours, the batch size or a reload: rounding in bfloat16. Outputs may differ
#: only where the two best candidates lie within it.
ROUNDING = 0.02

SAVES_SAFELY, SAME_AFTER_LOADING = "saves safe files only", "same after loading in a fresh process"


def check_method(
    method: Method,
    model: Model | None = None,
    *,
    kinds: Sequence[TaskKind] = ("classify",),
    beats_majority: bool = True,
    opener: str = OPENER,
) -> list[str]:
    """Run the contract of a method; see `check_methods`, which shares one fresh process between many."""
    return check_methods([method], model, kinds=kinds, beats_majority=beats_majority, opener=opener)[method.name]


def check_methods(
    methods: Sequence[Method],
    model: Model | None = None,
    *,
    kinds: Sequence[TaskKind] = ("classify",),
    beats_majority: bool = True,
    opener: str = OPENER,
) -> dict[str, list[str]]:
    """Run the contract on `methods`, each of another name.

    Args:
        model: the base model, for those that need one.
        kinds: kinds of task the methods must be able to do; `classify` is the only one so far.
        beats_majority: whether a method has to be better than always answering one label. False for a model with random weights
            under a method that learns nothing.
        opener: `module:function` that opens the base model by its name in a fresh process.

    Returns:
        The names of the checks passed, by method.

    Raises:
        AssertionError: a promise is broken; the message begins with the check's name.
    """
    assert set(kinds) <= {"classify"}, f"kinds: only classify has a toy set, not {sorted(kinds)}"
    inputs = [*toy().inputs, *map(as_input, ODD_TEXTS)]
    passed: dict[str, list[str]] = {}
    saved: dict[str, Saved] = {}
    expected: dict[str, list[Prediction]] = {}
    with tempfile.TemporaryDirectory() as place:
        for method in methods:
            checks = _MethodChecks(method, model)
            passed[method.name] = checks.run(beats_majority)
            with _check(f"{SAVES_SAFELY} ({method.name})"):
                saved[method.name] = Saved.write(method, checks.fitted, checks.model, Path(place) / method.name)
            expected[method.name] = checks.fitted.predict(inputs)
        again = predict_in_fresh_process(list(saved.values()), inputs, opener)
    for name, predictions in zip(saved, again, strict=True):
        with _check(f"{SAME_AFTER_LOADING} ({name})"):
            assert_same(expected[name], predictions)
        passed[name] += [SAVES_SAFELY, SAME_AFTER_LOADING]
    return passed


class _MethodChecks:
    """The in-process checks of one method. The first fit is shared."""

    def __init__(self, method: Method, model: Model | None) -> None:
        self.method, self.model, self.toy = method, model if method.model_kinds else None, toy()
        self.before = copy.deepcopy((method, self.toy))
        with _check(f"fits the toy task ({method.name})"):
            self.fitted = self.fit()

    def fit(self, seed: int = 0, *, data: Toy | None = None, validation: Sequence[Example] | None = None) -> Fitted:
        """Fit with nothing shared between fits."""
        data = data or self.toy
        rows = data.validation if validation is None else validation
        return self.method.fit(data.task, data.train, rows, self.model, Context(), Kit(seed=seed))

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
            self.several_labels_or_a_reason,
        ]
        if beats_majority and self.method.name != "majority":
            checks.append(self.beats_majority)
        names = []
        for check in checks:
            name = check.__name__.replace("_", " ")
            with _check(f"{name} ({self.method.name})"):
                check()
            names.append(name)
        return names

    def knobs_survive_json(self) -> None:
        again = type(self.method).model_validate_json(self.method.model_dump_json())
        assert again == self.method, f"{again!r} is not {self.method!r}"

    def fit_changes_nothing(self) -> None:
        assert (self.method, self.toy) == self.before, "knobs or data are not what they were before fit"

    def details_are_json(self) -> None:
        json.dumps(dict(self.fitted.details), allow_nan=False)
        assert self.fitted.trainable_parameters >= 0
        score = self.fitted.validation_score
        assert score is not None and 0 <= score <= 1, f"validation_score {score} with validation rows"

    def skip_reasons_never_raise(self) -> None:
        one = self.toy.task.model_copy(update={"labels": self.toy.task.labels[:1]})
        bare = self.toy.task.model_copy(update={"labels": ()})
        alike = tuple(row for row in self.toy.train if row.output == TOY_LABELS[0])
        for task in (self.toy.task, one, bare, toy(multi_label=True).task):
            for rows in ((), alike, self.toy.train):
                for model in (None, self.model):
                    _is_reason(self.method.skip_reason(task, model, rows))
        kinds: tuple[TaskKind, ...] = ("extract", "generate", "answer")
        for kind in kinds:
            _is_reason(self.method.skip_reason(Task(name="other", kind=kind), self.model, self.toy.train))
        assert self.method.skip_reason(self.toy.task, self.model, self.toy.train) is None, "skips the toy task"
        if self.method.model_kinds:
            assert self.method.skip_reason(self.toy.task, None, self.toy.train), "needs a model, and runs without"

    def one_prediction_an_input_in_order(self) -> None:
        inputs = self.toy.inputs
        forward, backward = self.fitted.predict(inputs), self.fitted.predict(inputs[::-1])
        assert len(forward) == len(inputs), f"{len(forward)} predictions for {len(inputs)} inputs"
        assert_same(forward, backward[::-1])
        for prediction in forward:
            _is_sound(prediction, self.toy.task)

    def empty_in_empty_out(self) -> None:
        assert self.fitted.predict([]) == [] == self.fitted.without_cache().predict([])

    def no_prediction_depends_on_neighbours(self) -> None:
        inputs = self.toy.inputs[::3]
        fresh = self.fitted.without_cache()
        alone = [fresh.predict([item])[0] for item in inputs]
        crowd = fresh.predict([as_input(ODD_TEXTS[2]), *inputs, as_input("")])[1:-1]
        assert_same(alone, crowd)

    def without_cache_is_the_same(self) -> None:
        assert_same(self.fitted.predict(self.toy.inputs), self.fitted.without_cache().predict(self.toy.inputs))

    def odd_texts_survive(self) -> None:
        predictions = self.fitted.predict([as_input(text) for text in ODD_TEXTS])
        assert len(predictions) == len(ODD_TEXTS)
        for prediction in predictions:
            _is_sound(prediction, self.toy.task)

    def same_seed_same_answers(self) -> None:
        again = self.fit()
        assert_same(self.fitted.predict(self.toy.inputs), again.predict(self.toy.inputs), bound=1e-6)
        assert again.weights_sha == self.fitted.weights_sha, "weights differ by their sha-256"

    def fits_without_validation(self) -> None:
        fitted = self.fit(validation=())
        assert fitted.validation_score is None, "a validation score without validation rows"
        assert len(fitted.predict(self.toy.inputs)) == len(self.toy.inputs)

    def several_labels_or_a_reason(self) -> None:
        data = toy(multi_label=True)
        if self.method.skip_reason(data.task, self.model, data.train) is not None:
            return
        for prediction in self.fit(data=data).predict(data.inputs):
            _is_sound(prediction, data.task)

    def beats_majority(self) -> None:
        predictions = self.fitted.predict(self.toy.inputs)
        right = sum(p.output == row.output for p, row in zip(predictions, self.toy.test, strict=True))
        least = len(self.toy.test) // len(TOY_LABELS) + 2
        assert right >= least, f"{right} of {len(self.toy.test)} right; majority has {len(self.toy.test) // 3}"


def assert_same(first: Sequence[Prediction], second: Sequence[Prediction], *, bound: float = ROUNDING) -> None:
    """Predictions equal but for rounding: probabilities within `bound`, outputs equal unless the two best lie within it.

    Raises:
        AssertionError: they differ by more; the message names the first row.
    """
    assert len(first) == len(second), f"{len(first)} predictions against {len(second)}"
    for row, (a, b) in enumerate(zip(first, second, strict=True)):
        if a.probabilities is None or b.probabilities is None:
            assert a.output == b.output, f"row {row}: {a.output!r} against {b.output!r}"
            continue
        apart = max((abs(x - y) for x, y in zip(a.probabilities, b.probabilities, strict=True)), default=0.0)
        assert apart <= bound, f"row {row}: probabilities differ by {apart:.4f}, more than {bound}"
        if a.output != b.output:
            assert _is_close_call(a, bound), f"row {row}: {a.output!r} against {b.output!r}"


def _is_close_call(prediction: Prediction, bound: float) -> bool:
    """Whether rounding may change the output: the two best lie close, or (several labels) one lies close to any threshold."""
    shares = sorted(prediction.probabilities or (), reverse=True)
    return isinstance(prediction.output, tuple) or len(shares) < 2 or shares[0] - shares[1] <= bound


def _is_reason(reason: object) -> None:
    assert reason is None or (isinstance(reason, str) and reason.strip()), f"not a reason in words: {reason!r}"


def _is_sound(prediction: Prediction, task: Task) -> None:
    """Output, confidence, probabilities and usage agree with each other and with the task."""
    output, shares, usage = prediction.output, prediction.probabilities, prediction.usage
    if output is None:
        assert not prediction.well_formed, "no output, yet well formed"
        return
    if task.multi_label:
        assert isinstance(output, tuple) and output == tuple(sorted(set(output))), f"not a sorted tuple: {output!r}"
    assert set((output,) if isinstance(output, str) else output) <= set(task.label_names), f"no label: {output!r}"
    assert prediction.confidence is None or 0 <= prediction.confidence <= 1, f"confidence {prediction.confidence}"
    assert usage.seconds >= 0 and usage.tokens_in >= 0
    if shares is None:
        return
    assert len(shares) == len(task.labels) and all(0 <= share <= 1 + 1e-6 for share in shares), f"shares {shares}"
    if isinstance(output, str) and not task.multi_label:
        assert abs(sum(shares) - 1) < 1e-3, f"probabilities sum to {sum(shares)}"
        assert prediction.confidence is not None, "probabilities, but no confidence"
        assert abs(shares[task.label_names.index(output)] - prediction.confidence) < 1e-6, "confidence of another label"


@contextmanager
def _check(name: str) -> Iterator[None]:
    """Put the check's name before whatever goes wrong inside."""
    try:
        yield
    except Exception as error:
        what = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
        raise AssertionError(f"{name}: {what}") from error
