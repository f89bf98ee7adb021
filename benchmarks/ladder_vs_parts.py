"""The whole encoder ladder on TREC-6 by one `rung compare`, against the same arms done one by one with the libraries for each.

Peers: scikit-learn on sentence-transformers' embeddings for what learns on frozen features, `setfit` for `contrastive`, and
`transformers.Trainer` (bf16, grouped by length) with PEFT for everything tuned; each arm is a program of its own that loads the
model, encodes what it needs, learns and answers the test rows, as one would write it from their documentation.

Equal on both sides: rows, epochs, batch size, virtual tokens; `contrastive`: the epochs, and at least the peer's pairs. Our soft
prompts get their learning rate here, as the peer's do, because searching it is work that the peer does not do. What our arms share
(texts encoded once, the linear probe that heads start from) is what the comparison is about: `total` is the wall clock of the
whole ladder against the sum of the parts; a row's own seconds are what the arm would take alone, shared work charged in full.

    python benchmarks/ladder_vs_parts.py [--quick]
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import common
from trainer_peer import Rows, run_trainer

EPOCHS = 1
TOKENS = 16
QUICK_ROWS = 800
#: setfit's pairs a text, each way; its sampler makes twice this many pairs.
ITERATIONS = 1
RATES = {"prompt_tuning": 3e-2, "p_tuning": 1e-2, "prefix_tuning": 1e-2}


def main() -> None:
    args = common.arguments(__doc__ or "")
    train, test = common.rows("trec6/train.jsonl.gz"), common.rows("trec6/test.jsonl.gz")
    banned = {row["text"].strip().casefold() for row in test}
    train = [row for row in train if row["text"].strip().casefold() not in banned]
    if args.quick:
        train = train[::7][:QUICK_ROWS]
    peers = peer_arms(train, test)
    names = [name for name in peers if not args.only or args.only in name]
    common.matrix_rate()  # wakes the machine up
    total, ours = our_ladder(names, train, test)
    for name, found in ours.items():
        print(f"{name:16} ours {found['seconds']:7.1f} s  accuracy {found['accuracy']:.4f}", flush=True)
    print(f"{'the ladder':16} ours {total:7.1f} s", flush=True)
    peer: dict[str, Any] = {}
    for name in names:
        seconds, accuracy = common.timed(peers[name])
        peer[name] = {"seconds": seconds, "accuracy": accuracy}
        ratio = seconds / ours[name]["seconds"]
        print(f"{name:16} peer {seconds:7.1f} s  accuracy {accuracy:.4f}  ratio {ratio:.2f}", flush=True)
    ratios = {name: peer[name]["seconds"] / ours[name]["seconds"] for name in names}
    ratios["total"] = sum(found["seconds"] for found in peer.values()) / total
    ours["total"], peer["total"] = {"seconds": total}, {"seconds": sum(p["seconds"] for p in peer.values())}
    config = {
        "frozen": "sentence-transformers encode (batch 32) + scikit-learn",
        "contrastive": f"setfit, num_iterations={ITERATIONS}, 1 epoch, batch 32, bf16 autocast",
        "tuned": f"transformers.Trainer + peft, bf16, group_by_length, batch 32, {EPOCHS} epochs",
    }
    common.finish({"ratios": ratios, "ours": ours, "peer": peer, "peer_config": config}, args.out, args)


def our_ladder(names: Sequence[str], train: Rows, test: Rows) -> tuple[float, dict[str, Any]]:
    """Seconds of the whole ladder but for the latency phase, which the peers do not have; and what each arm took and reached."""
    from rung.compare import compare
    from rung.events import Event, Events

    knobs: dict[str, dict[str, Any]] = {
        name: {"refit": "never", "epochs": EPOCHS} for name in ("lora", "full_finetune")
    }
    knobs |= {
        name: {"refit": "never", "epochs": EPOCHS, "learning_rate": rate, "vectors": TOKENS}
        for name, rate in RATES.items()
    }
    knobs["contrastive"] = {"passes": 1, "refit": "never"}
    knobs["head_only"] = {"refit": "never"}
    latency: list[float] = []

    def listen(event: Event) -> None:
        if event.source == "latency" and not latency:
            latency.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for split, rows in (("train", train), ("test", test)):
            (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        methods = [{"method": name, "knobs": knobs.get(name, {})} for name in names]
        task = {"name": "trec6", "train": "train.jsonl", "test": "test.jsonl", "methods": methods}
        (folder / "task.yaml").write_text(json.dumps(task))
        start = time.perf_counter()
        done = compare(folder / "task.yaml", workspace=folder / "workspace", events=Events((listen,)))
    found = {}
    for run in done.record.runs:
        assert run.status == "done", f"{run.arm.name}: {run.reason}"
        seconds = (run.train_seconds or 0) + (run.predict_seconds or 0)
        accuracy = sum(row.score for row in run.rows) / len(run.rows)
        found[run.arm.name] = {"seconds": seconds, "accuracy": accuracy, "validation": run.validation_score}
        if "pairs" in run.details:
            found[run.arm.name]["pairs"] = run.details["pairs"]
    return latency[0] - start, found


def peer_arms(train: Rows, test: Rows) -> dict[str, Callable[[], float]]:
    """Every arm as its own program: a function that gives its accuracy."""

    def tuned(method: str) -> Callable[[], float]:
        return lambda: float(run_trainer(method, train, test, EPOCHS, "informed", TOKENS)["accuracy"])

    return {
        "nearest_example": lambda: on_vectors("nearest", train, test),
        "zero_shot": lambda: on_vectors("zero_shot", train, test),
        "frozen_features": lambda: on_vectors("logistic", train, test),
        "head_only": lambda: on_vectors("network", train, test),
        "contrastive": lambda: with_setfit(train, test),
        "prompt_tuning": tuned("prompt_tuning"),
        "p_tuning": tuned("p_tuning"),
        "prefix_tuning": tuned("prefix_tuning"),
        "lora": tuned("lora"),
        "full_finetune": tuned("full"),
    }


def on_vectors(way: str, train: Rows, test: Rows) -> float:
    """scikit-learn on sentence-transformers' vectors."""
    import numpy as np
    from sentence_transformers import SentenceTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.neural_network import MLPClassifier

    from rung.models import open_model

    model = SentenceTransformer(open_model("minilm").info.path, device="cpu")
    wanted, right = [row["label"] for row in train], [row["label"] for row in test]
    asked = model.encode([row["text"] for row in test], normalize_embeddings=True)
    if way == "zero_shot":
        labels = sorted(set(wanted))
        said = model.encode([label.replace("_", " ") for label in labels], normalize_embeddings=True)
        answers = [labels[i] for i in (asked @ said.T).argmax(1)]
        return float(np.mean([a == b for a, b in zip(answers, right, strict=True)]))
    known = model.encode([row["text"] for row in train], normalize_embeddings=True)
    classifier = {
        "nearest": lambda: KNeighborsClassifier(1),
        "logistic": lambda: LogisticRegression(C=30, max_iter=1000),
        "network": lambda: MLPClassifier((256,), batch_size=32, max_iter=network_epochs(len(train))),
    }[way]()
    return float(classifier.fit(known, wanted).score(asked, right))


def network_epochs(rows: int) -> int:
    """As many passes as our `head_only` makes."""
    from rung.methods.head_only import HeadOnly

    return round(HeadOnly().default_epochs(rows))


def with_setfit(train: Rows, test: Rows) -> float:
    """setfit with its default loss and classifier."""
    from datasets import Dataset
    from setfit import SetFitModel, Trainer, TrainingArguments

    from rung.models import open_model

    labels = sorted({row["label"] for row in train})
    model = SetFitModel.from_pretrained(open_model("minilm").info.path, labels=labels)
    data = Dataset.from_list([{"text": row["text"], "label": row["label"]} for row in train])
    with tempfile.TemporaryDirectory() as scratch:
        settings = TrainingArguments(
            output_dir=scratch,
            batch_size=32,
            num_epochs=1,
            num_iterations=ITERATIONS,
            use_amp=True,
            save_strategy="no",
            report_to="none",
            show_progress_bar=False,
        )
        Trainer(model=model, args=settings, train_dataset=data).train()
    answers = model.predict([row["text"] for row in test])
    return float(sum(str(a) == row["label"] for a, row in zip(answers, test, strict=True)) / len(test))


if __name__ == "__main__":
    main()
