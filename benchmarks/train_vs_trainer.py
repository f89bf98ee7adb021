"""Training an encoder: our loop against `transformers.Trainer` (+ PEFT), same model, rows, batch size, epochs.

What is compared is real (non-padding) tokens a second of the training itself. The peer runs twice: as it comes (float32,
random order) and as an informed user would set it (bf16, length-grouped). Our arms differ from the peer's in what our defaults
are for: the head starts from a linear probe, and there is no dropout; the accuracy of each is printed, so that nobody buys
speed with quality.

The limit: a step needs 6 multiply-adds per matrix weight and token (LoRA: 4, its own matrices aside) at the machine's bf16 matrix
rate, measured in the same run for the shape that dominates. `share` is how much of that rate the training reaches.

    python benchmarks/train_vs_trainer.py [--quick]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import common
import numpy as np
from trainer_peer import run_trainer

WEIGHTS = 6 * (4 * 384**2 + 2 * 384 * 1536)  # matrix weights of the six layers
CASES = (("banking77", "banking77/train_10.jsonl.gz"), ("trec6", "trec6/train.jsonl.gz"))


def main() -> None:
    args = common.arguments(__doc__ or "")
    ratios: dict[str, float] = {}
    ours: dict[str, Any] = {}
    peer: dict[str, Any] = {}
    for name, train_file in CASES:
        rows = common.rows(train_file)
        test = common.rows(f"{name}/test.jsonl.gz")[: 500 if args.quick else None]
        if args.quick:
            rows = rows[::4] if name == "trec6" else rows
        epochs = (2 if name == "banking77" else 1) if args.quick else (4 if name == "banking77" else 2)
        for method in ("full", "lora"):
            key = f"{method}_{name}"
            if args.only and args.only not in key:
                continue
            before = common.matrix_rate()
            ours[key] = run_ours(method, rows, test, epochs)
            rate = (before + common.matrix_rate()) / 2
            ours[key]["share"] = ours[key]["tokens_per_s"] * (6 if method == "full" else 4) * WEIGHTS / rate
            ours[key]["matrix_gflops"] = rate / 1e9
            show("ours", key, ours[key])
            for style in ("plain", "informed"):
                peer[f"{key}_{style}"] = run_trainer(method, rows, test, epochs, style)
                show(f"Trainer, {style}", key, peer[f"{key}_{style}"])
                suffix = "" if style == "plain" else "_informed"
                ratios[key + suffix] = ours[key]["tokens_per_s"] / peer[f"{key}_{style}"]["tokens_per_s"]
    config = {
        "package": "transformers.Trainer + peft",
        "plain": "float32, batch 32, dynamic padding, AdamW, learning rate 5e-5 (LoRA 1e-3, r=16, alpha=32, all-linear)",
        "informed": "plain + bf16=True, train_sampling_strategy='group_by_length'",
    }
    common.finish({"ratios": ratios, "ours": ours, "peer": peer, "peer_config": config}, args.out, args)


def show(who: str, key: str, figures: dict[str, Any]) -> None:
    """One line a run."""
    share = f"  share {figures['share']:.2f} of {figures['matrix_gflops']:.0f} GFLOP/s" if "share" in figures else ""
    print(
        f"{key:18} {who:18} {figures['tokens_per_s']:7.0f} tokens/s  accuracy {figures['accuracy']:.4f}{share}",
        flush=True,
    )


def run_ours(
    method: str, rows: Sequence[dict[str, Any]], test: Sequence[dict[str, Any]], epochs: int
) -> dict[str, Any]:
    """Our rung with its defaults but for the epochs; nothing validated, nothing fitted twice."""
    from rung.methods import make
    from rung.methods.base import Kit
    from rung.models import open_model
    from rung.task import Context, Example, Label, Task, as_input

    labels = sorted({row["label"] for row in rows})
    task = Task(name="bench", labels=tuple(Label(name=label) for label in labels))
    examples = [Example(f"train:{i}", as_input(row["text"]), row["label"]) for i, row in enumerate(rows)]
    rung = make("full_finetune" if method == "full" else "lora", {"epochs": epochs, "refit": "never"})
    fitted = rung.fit(task, examples, (), open_model("minilm"), Context(), Kit())
    right = [
        p.output == row["label"]
        for p, row in zip(fitted.predict([as_input(r["text"]) for r in test]), test, strict=True)
    ]
    details = fitted.details
    return {"tokens_per_s": details["tokens"] / details["training_seconds"], "accuracy": float(np.mean(right))}


if __name__ == "__main__":
    main()
