"""Quality of every rung with its defaults: BANKING77 (5-shot, 10-shot, full), TREC-6, entities of SNIPS and WNUT17; one model.

The peer is what most people would write first: for labels sentence-transformers' `encode` and scikit-learn's logistic regression
(C=30), for entities transformers' token classification with the Trainer (labels on first pieces, its defaults, as many epochs); on
the same rows in the same run. Validation rows are the file that a dataset ships for it (`VALIDATION`), else cut from train; `best`
is the arm with the highest score on them, never the one that does best on test. With five or ten rows a label a single cut leaves
so few validation rows that arms tie: those cases are fitted with three seeds, each with its own cut, and all scores are means. The
test files are read here and nowhere else.
Labels: accuracy; entities: micro-F1. Ratios: ours over the peer's.

    python benchmarks/quality.py [--quick]
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import common
from tagger_peer import tagged

if TYPE_CHECKING:
    from rung.dataset import Dataset

FEW = ("frozen_features", "head_only", "contrastive", "lora", "full_finetune")
SOFT = ("prompt_tuning", "p_tuning", "prefix_tuning")
ENTITIES = ("nearest_example", "head_only", "full_finetune")
CASES = {
    "banking77_5shot": ("banking77/train_5.jsonl.gz", "banking77/test.jsonl.gz", FEW),
    "banking77_10shot": ("banking77/train_10.jsonl.gz", "banking77/test.jsonl.gz", FEW),
    "trec6": ("trec6/train.jsonl.gz", "trec6/test.jsonl.gz", (*FEW[:3], *SOFT, *FEW[3:])),
    "banking77_full": (
        "banking77/train.jsonl.gz",
        "banking77/test.jsonl.gz",
        ("frozen_features", "lora", "full_finetune"),
    ),
    "snips": ("snips/train.jsonl.gz", "snips/test.jsonl.gz", ENTITIES),
    "wnut17": ("wnut17/train.jsonl.gz", "wnut17/test.jsonl.gz", ENTITIES),
}
SEEDS = {"banking77_5shot": 3, "banking77_10shot": 3}
VALIDATION = {"snips": "snips/valid.jsonl.gz", "wnut17": "wnut17/dev.jsonl.gz"}


def main() -> None:
    args = common.arguments(__doc__ or "")
    from rung.features import Features

    cases = [case for case in (list(CASES)[:1] if args.quick else CASES) if not args.only or args.only in case]
    ratios: dict[str, float] = {}
    ours: dict[str, Any] = {}
    peer: dict[str, Any] = {}
    features = Features()
    for case in cases:
        train_file, test_file, methods = CASES[case]
        train, test = common.rows(train_file), common.rows(test_file)
        held = common.rows(VALIDATION[case]) if case in VALIDATION else None
        data = examples_of(case, train, test, held)
        peer[case] = logistic(train, test) if "label" in train[0] else tagged(train, test)
        print(f"{case:18} {'peer':18} test {peer[case]:.4f}", flush=True)
        scores: dict[str, Any] = {}
        for method in methods:
            scores[method] = over_seeds([ours_on(method, data, features, seed) for seed in range(SEEDS.get(case, 1))])
            line = f"{case:18} {method:18} test {scores[method]['test']:.4f}  validation {scores[method]['validation']:.4f}"
            print(f"{line}  {scores[method]['seconds']:.0f} s  {scores[method]['epochs']} epochs", flush=True)
        chosen = max(methods, key=lambda name: (scores[name]["validation"], -methods.index(name)))
        ours[case] = {**scores, "best": {"method": chosen, "test": scores[chosen]["test"]}}
        print(f"{case:18} best on validation: {chosen}, test {scores[chosen]['test']:.4f}", flush=True)
        ratios[case] = scores[chosen]["test"] / peer[case]
    config = {
        "labels": "sentence-transformers, normalised embeddings + scikit-learn LogisticRegression(C=30)",
        "entities": "transformers AutoModelForTokenClassification + Trainer, 4 epochs, bf16, group_by_length",
    }
    common.finish({"ratios": ratios, "ours": ours, "peer": peer, "peer_config": config}, args.out, args)


def examples_of(
    case: str,
    train: Sequence[dict[str, Any]],
    test: Sequence[dict[str, Any]],
    validation: Sequence[dict[str, Any]] | None = None,
) -> Dataset:
    """The task and its rows as `rung compare` reads them; training rows whose text also stands in test are left out."""
    import json
    import tempfile
    from pathlib import Path

    from rung.dataset import load_dataset
    from rung.plan import TaskFile

    files = {"train": train, "test": test} | ({} if validation is None else {"validation": validation})
    keys: dict[str, Any] = {"name": case} | {split: f"{split}.jsonl" for split in files}
    if "tags" in train[0]:
        keys |= {"kind": "extract", "output": "tags"} | ({"tokens": "tokens"} if "tokens" in train[0] else {})
    with tempfile.TemporaryDirectory() as scratch:
        for split, rows in files.items():
            (Path(scratch) / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        return load_dataset(TaskFile.model_validate(keys), Path(scratch))


def over_seeds(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Mean scores and seconds; with several seeds the test scores of each stand beside."""
    mean = {key: statistics.fmean(one[key] for one in found) for key in ("test", "validation", "seconds")}
    several = {"tests": [one["test"] for one in found]} if len(found) > 1 else {}
    return {**mean, **several, "epochs": found[0]["epochs"]}


def ours_on(method: str, data: Dataset, features: Any, seed: int) -> dict[str, Any]:
    """One rung as `rung compare` runs it: knobs chosen on validation rows; fitted again where those are of train."""
    from rung.dataset.split import cut_validation
    from rung.methods import make
    from rung.methods.base import Kit
    from rung.models import open_model
    from rung.task import Context

    own = bool(data.validation)
    train, validation = (data.train, data.validation) if own else cut_validation(data.train, data.task, seed)
    kit = Kit(features=features, refit=not own, seed=seed)
    work = lambda: make(method).fit(data.task, train, validation, open_model("minilm"), Context(), kit)  # noqa: E731
    seconds, fitted = common.timed(work)
    predictions = fitted.predict([row.input for row in data.test])
    score = measured(data.task, [row.output for row in data.test], [p.output for p in predictions])
    epochs = fitted.details.get("epochs_run", "-")
    return {"test": score, "validation": fitted.validation_score, "seconds": seconds, "epochs": epochs}


def measured(task: Any, expected: Sequence[str], outputs: Sequence[Any]) -> float:
    """Accuracy, or micro-F1 over entities."""
    from rung.metrics import accuracy
    from rung.metrics.extraction import entity_f1

    figure = entity_f1(expected, outputs) if task.kind == "extract" else accuracy(expected, outputs)
    assert figure.value is not None, figure.reason
    return figure.value


def logistic(train: Sequence[dict[str, Any]], test: Sequence[dict[str, Any]]) -> float:
    """The peer's accuracy."""
    from sentence_transformers import SentenceTransformer
    from sklearn.linear_model import LogisticRegression

    from rung.models import open_model

    model = SentenceTransformer(open_model("minilm").info.path, device="cpu")
    vectors = [model.encode([row["text"] for row in part], normalize_embeddings=True) for part in (train, test)]
    classifier = LogisticRegression(C=30, max_iter=1000).fit(vectors[0], [row["label"] for row in train])
    return float(classifier.score(vectors[1], [row["label"] for row in test]))


if __name__ == "__main__":
    main()
