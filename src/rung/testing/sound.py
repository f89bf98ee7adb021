"""What a sound prediction is, and when two answers are the same. Knows tasks and predictions, no method."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rung.entities import dump, parse
from rung.metrics import fault_of
from rung.task import Input, Prediction, Task

#: How far a probability may move with an input's neighbours, the batch size or a reload: rounding in bfloat16. Outputs may differ
#: only where the two best candidates lie within it.
ROUNDING = 0.02
#: Entities are many decisions in one answer, and of the runner-up nothing is told: at most this share of answers may differ.
CLOSE_CALLS = 0.2


def assert_same(first: Sequence[Prediction], second: Sequence[Prediction], *, bound: float = ROUNDING) -> None:
    """Predictions equal but for rounding: probabilities within `bound`, outputs equal unless the two best lie within it.

    Raises:
        AssertionError: they differ by more; the message names the first row.
    """
    assert len(first) == len(second), f"{len(first)} predictions against {len(second)}"
    unlike = 0
    for row, (a, b) in enumerate(zip(first, second, strict=True)):
        if a.probabilities is None or b.probabilities is None:
            unlike += a.output != b.output
            assert a.output == b.output or _may_be_close(a, b, bound), f"row {row}: {a.output!r} against {b.output!r}"
            continue
        apart = max((abs(x - y) for x, y in zip(a.probabilities, b.probabilities, strict=True)), default=0.0)
        assert apart <= bound, f"row {row}: probabilities differ by {apart:.4f}, more than {bound}"
        if a.output != b.output:
            assert _is_close_call(a, bound), f"row {row}: {a.output!r} against {b.output!r}"
    assert unlike <= max(1, CLOSE_CALLS * len(first)), f"{unlike} of {len(first)} outputs differ"


def _is_close_call(prediction: Prediction, bound: float) -> bool:
    """Whether rounding may change the output: the two best lie close, or (several labels) one lies close to any threshold."""
    shares = sorted(prediction.probabilities or (), reverse=True)
    return not isinstance(prediction.output, str) or len(shares) < 2 or shares[0] - shares[1] <= 2 * bound


def _may_be_close(a: Prediction, b: Prediction, bound: float) -> bool:
    """Whether two answers without probabilities can be the two best of one input: both equally sure, and neither more than half."""
    if a.confidence is None or b.confidence is None or bound < ROUNDING:
        return False
    return abs(a.confidence - b.confidence) <= 2 * bound and min(a.confidence, b.confidence) <= 0.5 + bound


def assert_sound(prediction: Prediction, task: Task, asked: Input) -> None:
    """Output, confidence, probabilities and usage agree with each other, with the task and with what was asked.

    Raises:
        AssertionError: they do not; the message says what.
    """
    if prediction.output is None:
        assert not prediction.well_formed, "no output, yet well formed"
        return
    assert prediction.confidence is None or 0 <= prediction.confidence <= 1, f"confidence {prediction.confidence}"
    assert prediction.usage.seconds >= 0 and prediction.usage.tokens_in >= 0
    if task.json_schema is not None:
        assert isinstance(prediction.output, str), f"not the JSON text of an object: {prediction.output!r}"
        fault = fault_of(task, prediction.output)
        assert fault is None, f"not under the schema: {fault}"
    elif task.kind == "extract":
        _sound_entities(prediction, task, asked.text)
    elif task.kind == "generate":
        assert isinstance(prediction.output, str), f"not a text: {prediction.output!r}"
    else:
        _sound_labels(prediction, task)


def _sound_entities(prediction: Prediction, task: Task, text: str) -> None:
    output = prediction.output
    assert isinstance(output, str), f"not the JSON text of entities: {output!r}"
    entities = parse(output)
    assert dump(entities) == output, f"not the canonical JSON text: {output}"
    for entity in entities:
        assert entity.type in task.label_names, f"no type of the task: {entity.type!r}"
        if entity.start is not None and entity.end is not None:
            there = text[entity.start : entity.end]
            assert there == entity.text, f"{entity.text!r} does not stand at {entity.start}, but {there!r}"


def _sound_labels(prediction: Prediction, task: Task) -> None:
    output, shares = prediction.output, prediction.probabilities
    if task.multi_label:
        assert isinstance(output, tuple) and output == tuple(sorted(set(output))), f"not a sorted tuple: {output!r}"
    allowed = {*task.label_names, *(() if task.out_of_scope is None else (task.out_of_scope.label,))}
    assert set((output,) if isinstance(output, str) else output or ()) <= allowed, f"no label: {output!r}"
    if shares is None:
        return
    assert len(shares) == len(task.labels) and all(0 <= share <= 1 + 1e-6 for share in shares), f"shares {shares}"
    if isinstance(output, str) and not task.multi_label:
        assert abs(sum(shares) - 1) < 1e-3, f"probabilities sum to {sum(shares)}"
        assert prediction.confidence is not None, "probabilities, but no confidence"
        if output in task.label_names:
            own = shares[task.label_names.index(output)]
            assert abs(own - prediction.confidence) < 1e-6, "confidence of another label"


@contextmanager
def check(name: str) -> Iterator[None]:
    """Put the check's name before whatever goes wrong inside."""
    try:
        yield
    except Exception as error:
        what = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
        raise AssertionError(f"{name}: {what}") from error
