"""Comparisons of the other kinds of task, judged by the real rule: entities, several labels, inputs of no class."""

from __future__ import annotations

import hashlib

import numpy as np

from rung.entities import Entity, dump
from rung.evaluation.kinds import metric_of
from rung.evaluation.records import Arm, ComparisonRecord, Latency, RowResult, Run
from rung.metrics import exact_score
from rung.metrics.generation import text_score
from rung.plan import Limits, Prices
from rung.task import Label, OutOfScope, Output, Task

NONE = "none of these"
#: the encoder ladder: place, skill (share that is got right), milliseconds, seconds of training
LADDER: dict[str, tuple[int, float, float, float]] = {
    "majority": (0, 0.0, 0.002, 0.01),
    "nearest_example": (5, 0.62, 5.2, 2.9),
    "frozen_features": (20, 0.86, 5.4, 6.1),
    "head_only": (22, 0.84, 5.3, 11.0),
    "contrastive": (25, 0.9, 5.4, 61.0),
    "prompt_tuning": (30, 0.83, 6.6, 92.0),
    "p_tuning": (31, 0.845, 6.5, 101.0),
    "prefix_tuning": (32, 0.87, 6.1, 118.0),
    "lora": (40, 0.93, 6.3, 140.0),
    "lora r=64": (40, 0.932, 6.4, 161.0),
    "full_finetune": (50, 0.935, 5.3, 96.0),
    "full_finetune large": (50, 0.94, 31.0, 402.0),
}
ARTISTS = ("westbam", "Nina Simone", "the Velvet Underground", "Björk", "Ella Fitzgerald")
LISTS = ("clásicos", "Sunday morning", "road trip", "deep focus")
PATTERNS = (
    "add {artist} to my {playlist} playlist",
    "play {artist} from {year}",
    "put the new {artist} record on {playlist}",
    "what is the weather like",
)


def details_of(method: str, labels: int = 0) -> dict:
    """What the methods of the ladder say about their choices."""
    found: dict = {}
    if method in ("prompt_tuning", "p_tuning", "prefix_tuning", "lora"):
        losses = {0.0003: 0.91234, 0.001: 0.55, 0.003: 0.4321, 0.01: None}
        found["learning_rates"] = [
            {"learning_rate": rate, "validation_loss": loss, "chosen": rate == 0.003} for rate, loss in losses.items()
        ]
    if method in ("prompt_tuning", "p_tuning"):
        words = ("classify", "##ing", "<b>question", "the", "what")
        nearest = [[{"word": w, "distance": 0.31 + j / 9} for j, w in enumerate(words)] for _ in range(20)]
        space = "cosine distance between word embeddings"
        found["soft_prompt"] = {"vectors": 20, "readable": False, "nearest": nearest, "space": space}
    if labels:
        found["decision"] = {"thresholds": [0.3 + k / 40 for k in range(labels)], "reject_below": None, "warning": ""}
    return found


def sentences(rows: int) -> list[tuple[str, list[Entity]]]:
    """Texts and the entities in them."""
    random = np.random.default_rng(5)
    found = []
    for _ in range(rows):
        text, entities = str(random.choice(PATTERNS)), []
        words = {
            "artist": random.choice(ARTISTS),
            "playlist": random.choice(LISTS),
            "year": random.integers(1960, 2020),
        }
        for name, word in sorted(words.items(), key=lambda item: text.find(item[0])):
            start = text.find(f"{{{name}}}")
            if start >= 0:
                text = text.replace(f"{{{name}}}", str(word))
                entities.append(Entity(name, str(word), start, start + len(str(word))))
        found.append((text, entities))
    return found


def tagged(
    text: str, entities: list[Entity], hard: np.ndarray, skill: float, random: np.random.Generator
) -> str | None:
    """An answer that gets the share `skill` of the entities right, failing as taggers do."""
    given = []
    for entity, difficulty in zip(entities, hard, strict=False):
        if difficulty + random.normal(0, 0.05) < skill:
            given.append(entity)
        elif difficulty % 0.1 < 0.03 and entity.end - entity.start > 4:
            given.append(entity._replace(text=text[entity.start : entity.end - 3], end=entity.end - 3))
        elif difficulty % 0.1 < 0.06:
            given.append(entity._replace(type="playlist" if entity.type == "artist" else "artist"))
    if hard[-1] > max(skill, 0.5) + 0.1:
        given.append(Entity("playlist", text.split()[0], 0, len(text.split()[0])))
    return dump(given) if hard[-2] < 0.995 or skill > 0.8 else None


def run_of(method: str, rows: tuple[RowResult, ...], labels: int = 0, seed: int = 0) -> Run:
    place, _, ms, train = LADDER[method]
    arm = Arm(
        name=method,
        method=method.split(" ")[0],
        rung=place,
        baseline=method == "majority",
        model=None if method == "majority" else "minilm",
        knobs={"large": True} if " " in method else {},
    )
    return Run(
        comparison="music-1a2b",
        arm=arm,
        seed=seed,
        status="done",
        rows=rows,
        n_train=2000,
        train_seconds=train,
        predict_seconds=ms / 1000 * len(rows),
        validation_score=0.9,
        trainable_parameters=384 * place,
        weights_sha=hashlib.sha256(method.encode()).hexdigest(),
        prediction_sha=hashlib.sha256(str([row.output for row in rows]).encode()).hexdigest(),
        details=details_of(method, labels),
    )


def comparison_of(task: Task, runs: list[Run], inputs: dict[str, str], tolerance: float = 0.03) -> ComparisonRecord:
    return ComparisonRecord(
        id="music-1a2b",
        task=task,
        limits=Limits(tolerance=tolerance),
        prices=Prices(),
        task_path="task.yaml",
        data_fingerprint=hashlib.sha256(b"data").hexdigest(),
        created_at="2026-11-20T10:00:00Z",
        metric=metric_of(task),
        counts={"train": 2000, "validation": 400, "test": len(inputs)},
        runs=tuple(runs),
        latencies=tuple(
            Latency(
                arm_id=run.arm.id,
                p50_ms=(ms := LADDER[run.arm.name][2]),
                p95_ms=1.4 * ms,
                rows_per_s=900 / ms,
                requests=100,
                load=0.2,
                threads=1,
                measured_at="2026-11-20T10:20:00Z",
            )
            for run in runs
            if run.seed == 0
        ),
        inputs=inputs,
    )


def extraction(rows: int = 300, methods: tuple[str, ...] = tuple(LADDER)) -> ComparisonRecord:
    """Slots of messages to a music player; every text has words that are no entity."""
    found, hard = sentences(rows), np.random.default_rng(6).random((rows, 5))
    runs = []
    for method in methods:
        random, results = np.random.default_rng(sum(method.encode())), []
        for i, (text, entities) in enumerate(found):
            output = "[]" if method == "majority" else tagged(text, entities, hard[i], LADDER[method][1], random)
            score = exact_score(dump(entities), output)
            results.append(
                RowResult(row=f"test:{i}", expected=dump(entities), output=output, score=score, confidence=0.8)
            )
        runs.append(run_of(method, tuple(results)))
    labels = tuple(Label(name=name) for name in ("artist", "playlist", "year"))
    task = Task(name="music", kind="extract", instruction="Find what is to be played.", labels=labels)
    return comparison_of(task, runs, {f"test:{i}": text for i, (text, _) in enumerate(found)})


def classified(task: Task, truths: list[Output], methods: tuple[str, ...]) -> ComparisonRecord:
    names = [*task.label_names, *([task.out_of_scope.label] if task.out_of_scope else [])]
    hard, runs = np.random.default_rng(6).random(len(truths)), []
    for method in methods:
        random, results = np.random.default_rng(sum(method.encode())), []
        for i, truth in enumerate(truths):
            output = truth
            if hard[i] + random.normal(0, 0.05) > LADDER[method][1]:
                other = names[(names.index(truth if isinstance(truth, str) else "red") + 1 + i % 3) % len(names)]
                output = other if isinstance(truth, str) else tuple(sorted({*truth, other} if i % 2 else truth[1:]))
            if method == "majority":
                output = names[0] if isinstance(truth, str) else ()
            results.append(
                RowResult(
                    row=f"test:{i}",
                    expected=truth,
                    output=output,
                    score=float(output == truth),
                    confidence=0.6 + 0.39 * (1 - hard[i]),
                    probabilities=tuple(0.9 if n == output else 0.1 / len(task.labels) for n in task.label_names),
                )
            )
        runs.append(run_of(method, tuple(results), len(task.labels) if task.multi_label else 0))
    return comparison_of(task, runs, {f"test:{i}": f"message number {i}" for i in range(len(truths))})


def several_labels(rows: int = 300, methods: tuple[str, ...] = tuple(LADDER)) -> ComparisonRecord:
    names, random = ("red", "green", "blue"), np.random.default_rng(4)
    truths: list[Output] = [tuple(sorted(n for n in names if random.random() < 0.4)) for _ in range(rows)]
    task = Task(name="colours", labels=tuple(Label(name=name) for name in names), multi_label=True)
    return classified(task, truths, methods)


def of_no_class(rows: int = 400, outside: int = 100, methods: tuple[str, ...] = tuple(LADDER)) -> ComparisonRecord:
    names = ("order", "refund", "card arrival", "exchange rate")
    truths: list[Output] = [NONE if i < outside else names[i % 4] for i in range(rows)]
    task = Task(name="bank", labels=tuple(Label(name=name) for name in names), out_of_scope=OutOfScope(label=NONE))
    found = classified(task, truths, methods)
    warned = {"decision": {"thresholds": [], "reject_below": 0.4321, "warning": "only 12 in-scope validation rows"}}
    runs = tuple(run.model_copy(update={"details": run.details | warned}) for run in found.runs)
    return found.model_copy(update={"runs": runs})


PLACES = ("The Mill", "Café Rouge", "The Vaults", "Blue Spice")
FOODS = ("Italian", "Japanese", "Indian")


def generation(
    rows: int = 300, methods: tuple[str, ...] = tuple(LADDER), metric: str | None = None
) -> ComparisonRecord:
    """Attributes to text, with one reference a row or two; a less able arm forgets more words, and now and then all of them."""
    random, task = np.random.default_rng(4), Task(name="places", kind="generate", metric=metric)
    asked, expected = [], []
    for i in range(rows):
        place, food, price = str(random.choice(PLACES)), str(random.choice(FOODS)), 10 + int(random.integers(0, 40))
        asked.append(f"name[{place}], food[{food}], price[£{price}]")
        said = (
            f"{place} serves {food} food for about £{price}.",
            f"For {price} pounds you eat {food} food at {place}.",
        )
        expected.append(said if i % 2 else said[0])
    runs = []
    for method in methods:
        drawn, results = np.random.default_rng(sum(method.encode())), []
        for i, wanted in enumerate(expected):
            first = wanted if isinstance(wanted, str) else wanted[0]
            words = [word for word in first.split() if drawn.random() < 0.4 + 0.6 * LADDER[method][1]]
            output = [None, "", " ".join(words)][min(int(drawn.random() * 60), 2)]
            score = text_score(wanted, output, task.metric or "chrf")
            results.append(RowResult(row=f"test:{i}", expected=wanted, output=output, score=score))
        runs.append(run_of(method, tuple(results)))
    return comparison_of(task, runs, {f"test:{i}": text for i, text in enumerate(asked)})
