"""Accuracy of every rung with its defaults on BANKING77 (5-shot, 10-shot, full) and TREC-6, one model, one machine.

The peer is what most people would write first: sentence-transformers' `encode` and scikit-learn's logistic regression (C=30),
on the same rows in the same run. `best` is the arm with the highest validation accuracy, never the one that does best on
test. The test files are read here and nowhere else. Ratios are accuracies, ours over the peer's.

    python benchmarks/quality.py [--quick]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import common
import numpy as np

CASES = {
    "banking77_5shot": ("banking77/train_5.jsonl.gz", "banking77/test.jsonl.gz"),
    "banking77_10shot": ("banking77/train_10.jsonl.gz", "banking77/test.jsonl.gz"),
    "trec6": ("trec6/train.jsonl.gz", "trec6/test.jsonl.gz"),
    "banking77_full": ("banking77/train.jsonl.gz", "banking77/test.jsonl.gz"),
}
METHODS = ("frozen_features", "lora", "full_finetune")


def main() -> None:
    args = common.arguments(__doc__ or "")
    from rung.features import Features

    cases = [case for case in (list(CASES)[:2] if args.quick else CASES) if not args.only or args.only in case]
    ratios: dict[str, float] = {}
    ours: dict[str, Any] = {}
    peer: dict[str, Any] = {}
    features = Features()
    for case in cases:
        train, test = (common.rows(name) for name in CASES[case])
        peer[case] = logistic(train, test)
        print(f"{case:18} {'embeddings + LR':18} test {peer[case]:.4f}", flush=True)
        scores: dict[str, Any] = {}
        for method in METHODS:
            scores[method] = ours_on(method, train, test, features)
            line = f"{case:18} {method:18} test {scores[method]['test']:.4f}  validation {scores[method]['validation']:.4f}"
            print(f"{line}  {scores[method]['seconds']:.0f} s  {scores[method]['epochs']} epochs", flush=True)
        chosen = max(METHODS, key=lambda name: (scores[name]["validation"], -METHODS.index(name)))
        ours[case] = {**scores, "best": {"method": chosen, "test": scores[chosen]["test"]}}
        print(f"{case:18} best on validation: {chosen}, test {scores[chosen]['test']:.4f}", flush=True)
        ratios[case] = scores[chosen]["test"] / peer[case]
    config = {
        "package": "sentence-transformers + scikit-learn",
        "classifier": "LogisticRegression(C=30), normalised embeddings",
    }
    common.finish({"ratios": ratios, "ours": ours, "peer": peer, "peer_config": config}, args.out, args)


def ours_on(
    method: str, train: Sequence[dict[str, Any]], test: Sequence[dict[str, Any]], features: Any
) -> dict[str, Any]:
    """One rung as `rung compare` runs it: validation rows cut from train, knobs chosen on them."""
    from rung.dataset.split import cut_validation
    from rung.methods import make
    from rung.methods.base import Kit
    from rung.models import open_model
    from rung.task import Context, Example, Label, Task, as_input

    task = Task(name="bench", labels=tuple(Label(name=name) for name in sorted({row["label"] for row in train})))
    banned = {row["text"].strip().casefold() for row in test}
    kept = [row for row in train if row["text"].strip().casefold() not in banned]
    examples = tuple(Example(f"train:{i}", as_input(row["text"]), row["label"]) for i, row in enumerate(kept))
    fit_rows, validation = cut_validation(examples, task, 0)
    work = lambda: make(method).fit(task, fit_rows, validation, open_model("minilm"), Context(), Kit(features=features))  # noqa: E731
    seconds, fitted = common.timed(work)
    predictions = fitted.predict([as_input(row["text"]) for row in test])
    accuracy = float(np.mean([p.output == row["label"] for p, row in zip(predictions, test, strict=True)]))
    epochs = fitted.details.get("epochs_run", "-")
    return {"test": accuracy, "validation": fitted.validation_score, "seconds": seconds, "epochs": epochs}


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
