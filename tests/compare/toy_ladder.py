"""A ladder small enough to run in milliseconds, of real methods: they learn, choose on validation, checkpoint and save.

Work advances a clock of its own, so that costs can be tested without timing anything.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from rung.cache import key_of, write_json
from rung.compare.wiring import Wiring
from rung.errors import TrainingError
from rung.evaluation.records import ComparisonRecord
from rung.evaluation.summary import Verdict
from rung.events import Events
from rung.methods.base import Fitted, Kit, Method
from rung.methods.vectors import LAYERS
from rung.models.base import Encoded, Encoder, Model, ModelInfo
from rung.task import Context, Example, Input, Prediction, Task, Usage


class Clock:
    """Seconds that pass only when work says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def work(self, seconds: float) -> None:
        self.now += seconds


CLOCK = Clock()


class HashEncoder(Encoder):
    """Words hashed into 16 buckets; an input takes a hundredth of a second a word."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.encoded: list[str] = []

    @property
    def info(self) -> ModelInfo:
        return ModelInfo(name=self.name, kind="encoder", revision=key_of(self.name), parameters=1, hidden_size=16)

    def encode(
        self, inputs: Sequence[Input], *, layers: str = "last", module: Any = None, events: Events | None = None
    ) -> Encoded:
        self.encoded += [item.text for item in inputs]
        vectors = np.zeros((len(inputs), 16), np.float32)
        counts = np.array([len(item.text.split()) for item in inputs], np.int64)
        for row, item in enumerate(inputs):
            for word in item.text.split():
                vectors[row, int(hashlib.sha256((self.name + word).encode()).hexdigest(), 16) % 16] += 1
        CLOCK.work(float(counts.sum()) / 100)
        return Encoded(vectors, counts, np.zeros(len(inputs), np.bool_), counts / 100)

    def _unused(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    token_rows = pooled = hidden = over = shared = trunk = _unused
    tokenizer = property(_unused)


@dataclass(frozen=True)
class FittedToy(Fitted):
    """One vector a label; the nearest answers. Without a model, the first label of the task's order that has a vector."""

    method: Method
    task: Task
    vectors: Mapping[str, Sequence[float]]
    model: Encoder | None
    features: Any
    details: Mapping[str, Any]
    validation_score: float | None
    trainable_parameters: int = 0

    def predict(self, inputs: Sequence[Input]) -> list[Prediction]:
        CLOCK.work(0.001 * len(inputs))
        if self.model is None:
            return [Prediction(next(iter(self.vectors)), 0.5)] * len(inputs)
        if not inputs:
            return []
        known = self.features
        encoded = known.of(self.model, inputs, layers=LAYERS) if known else self.model.encode(inputs, layers=LAYERS)
        names = list(self.vectors)
        distance = ((encoded.vectors_ND[:, None] - np.array([self.vectors[n] for n in names])[None]) ** 2).sum(2)
        tokens = encoded.tokens_N
        return [Prediction(names[int(d.argmin())], usage=Usage(int(t))) for d, t in zip(distance, tokens, strict=True)]

    def save(self, folder: Path) -> None:
        write_json(
            folder / "fitted.json",
            {
                "method": self.method.name,
                "knobs": self.method.model_dump(mode="json"),
                "task": self.task.model_dump(mode="json"),
                "model": self.model.info.name if self.model else None,
                "vectors": list(self.vectors.items()),
                "details": dict(self.details),
            },
        )

    def without_cache(self) -> Fitted:
        return FittedToy(self.method, self.task, self.vectors, self.model, None, self.details, self.validation_score)

    @property
    def weights_sha(self) -> str:
        return key_of(self.model.info.revision if self.model else None, list(self.vectors.items()))


class Common(Method):
    """The most common label."""

    name: ClassVar[str] = "common"
    rung: ClassVar[int] = 0
    summary: ClassVar[str] = "the most common label"
    baseline: ClassVar[bool] = True

    def fit(
        self,
        task: Task,
        train: Sequence[Example],
        validation: Sequence[Example],
        model: Model | None,
        context: Context,
        kit: Kit,
    ) -> Fitted:
        CLOCK.work(0.5)
        best = Counter(e.output for e in train).most_common(1)[0][0]
        right = [float(e.output == best) for e in validation]
        return FittedToy(self, task, {str(best): [0.0] * 16}, None, None, {"answer": best}, _mean(right))

    @classmethod
    def load(cls, folder: Path, task: Task, model: Model | None) -> Fitted:
        return _load(cls, folder, task, model)


class Centroids(Method):
    """Mean vector a label, shrunk by a factor chosen on validation, moved in steps that are checkpointed."""

    name: ClassVar[str] = "centroids"
    rung: ClassVar[int] = 4
    summary: ClassVar[str] = "the nearest mean of a label's vectors"
    model_kinds: ClassVar[tuple[str, ...]] = ("encoder",)
    steps: int = 3
    noise: float = 0.3

    def fit(
        self,
        task: Task,
        train: Sequence[Example],
        validation: Sequence[Example],
        model: Model | None,
        context: Context,
        kit: Kit,
    ) -> Fitted:
        assert isinstance(model, Encoder)
        found = kit.features.of(model, [e.input for e in train], kit.ledger, layers=LAYERS).vectors_ND
        state = self._resumed(task, kit)
        for step in range(int(state["step"]), self.steps):
            random = np.random.default_rng((kit.seed, step))
            for name in task.label_names:
                mine = found[[i for i, e in enumerate(train) if e.output == name]]
                target = mine.mean(0) if len(mine) else np.zeros(16)
                old = np.array(state["vectors"][name])
                state["vectors"][name] = (old + (target - old) / 2 + self.noise * random.normal(size=16)).tolist()
            state["step"] = step + 1
            CLOCK.work(1.0)
            if kit.checkpoints is not None:
                write_json(kit.checkpoints / "state.json", state)
        scores = {scale: self._judge(task, state, scale, validation, model, kit) for scale in (0.5, 1.0)}
        best = max(scores, key=lambda scale: (scores[scale] or 0.0, scale))
        vectors = {name: (best * np.array(v)).tolist() for name, v in sorted(state["vectors"].items())}
        return FittedToy(
            self, task, vectors, model, kit.features, {"scale": best, "steps": self.steps}, scores[best], 16
        )

    def _resumed(self, task: Task, kit: Kit) -> dict[str, Any]:
        if kit.checkpoints is not None and (kit.checkpoints / "state.json").exists():
            state: dict[str, Any] = json.loads((kit.checkpoints / "state.json").read_text())
            return state
        return {"step": 0, "vectors": {name: [0.0] * 16 for name in task.label_names}}

    def _judge(
        self, task: Task, state: Any, scale: float, rows: Sequence[Example], model: Encoder, kit: Kit
    ) -> float | None:
        vectors = {name: (scale * np.array(v)).tolist() for name, v in sorted(state["vectors"].items())}
        fitted = FittedToy(self, task, vectors, model, kit.features, {}, None)
        predictions = fitted.predict([e.input for e in rows])
        return _mean([float(p.output == e.output) for p, e in zip(predictions, rows, strict=True)])

    @classmethod
    def load(cls, folder: Path, task: Task, model: Model | None) -> Fitted:
        return _load(cls, folder, task, model)


class Shrunk(Centroids):
    """The same again on another rung, so that two arms share their features."""

    name: ClassVar[str] = "shrunk"
    rung: ClassVar[int] = 5
    noise: float = 0.1


class Broken(Common):
    """Fails as methods do: with an error of ours, or with any other."""

    name: ClassVar[str] = "broken"
    rung: ClassVar[int] = 2
    ours: bool = True

    def fit(self, *args: Any, **kwargs: Any) -> Fitted:
        if self.ours:
            raise TrainingError("the loss became NaN", remedy="lower the learning rate")
        raise ZeroDivisionError("division by zero")


class Refuses(Common):
    """Never runs."""

    name: ClassVar[str] = "refuses"
    rung: ClassVar[int] = 3

    def skip_reason(self, task: Task, model: Model | None, train: Sequence[Example]) -> str | None:
        return "it never runs"


TOYS: dict[str, type[Method]] = {m.name: m for m in (Common, Centroids, Shrunk, Broken, Refuses)}
ENCODERS: dict[str, HashEncoder] = {}


def open_model(name: str) -> Model:
    return ENCODERS.setdefault(name, HashEncoder(name))


def load_fitted(folder: Path, opener: Callable[[str], Model]) -> Fitted:
    found = json.loads((folder / "fitted.json").read_text())
    model = opener(found["model"]) if found["model"] else None
    return TOYS[found["method"]].load(folder, Task.model_validate(found["task"]), model)


def recommend(record: ComparisonRecord) -> Verdict:
    """The arm with most right answers: enough of a verdict for testing what leads up to it."""
    done = [run for run in record.runs if run.status == "done"]
    best = max(done, key=lambda run: sum(row.score for row in run.rows), default=None)
    return Verdict(recommended=best.arm.id if best else None, decided=False, headline="the best score")


WIRING = Wiring(
    clock=CLOCK,
    make_method=lambda name, knobs: TOYS[name](**knobs),
    open_model=open_model,
    load_fitted=load_fitted,
    recommend=recommend,
)


def write_task(folder: Path, *, flipped: bool = False, **keys: Any) -> Path:
    """A task of 60 training and 24 test rows about fruit and tools; `flipped` turns every test label round."""
    import yaml

    words = {"fruit": "apple pear plum fig grape", "tool": "saw hammer drill axe pliers"}
    rows = []
    for i in range(84):
        label = ("fruit", "tool", "fruit")[i % 3]
        pick = np.random.default_rng(i).permutation(words[label].split())[:2]
        other = words["tool" if label == "fruit" else "fruit"].split()[i % 5] if i % 4 == 0 else "thing"
        rows.append({"text": f"the {' '.join(pick)} {other} number {i}", "label": label})
    test = [dict(row) for row in rows[60:]]
    if flipped:
        for row in test:
            row["label"] = "tool" if row["label"] == "fruit" else "fruit"
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in (("train", rows[:60]), ("test", test)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part))
    task = {"name": "toy", "train": "train.jsonl", "test": "test.jsonl", "models": ["hash"], **keys}
    task.setdefault("methods", ["common", "centroids", "shrunk"])
    path = folder / "task.yaml"
    path.write_text(yaml.safe_dump(task))
    return path


def _load(cls: type[Method], folder: Path, task: Task, model: Model | None) -> Fitted:
    found = json.loads((folder / "fitted.json").read_text())
    encoder = model if isinstance(model, Encoder) else None
    return FittedToy(cls(**found["knobs"]), task, dict(found["vectors"]), encoder, None, found["details"], None)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
