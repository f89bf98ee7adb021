"""`transformers.Trainer` (+ PEFT) as a peer: one classifier of the encoder, trained as its documentation would set it up."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np

Rows = Sequence[dict[str, Any]]
#: Peak learning rates: Trainer's own default for the whole model, PEFT's examples for the rest (soft prompts need large ones).
RATES = {"full": 5e-5, "lora": 1e-3, "prompt_tuning": 3e-2, "p_tuning": 1e-2, "prefix_tuning": 1e-2, "head_only": 1e-3}


def run_trainer(method: str, rows: Rows, test: Rows, epochs: float, style: str, tokens: int = 16) -> dict[str, Any]:
    """Train on `rows`, answer `test`.

    Args:
        method: a key of `RATES`. style: `plain` (as it comes: float32, random order) or `informed` (bf16, grouped by length).
        tokens: virtual tokens of a soft prompt.
    """
    import torch
    import transformers
    from transformers import AutoTokenizer, DataCollatorWithPadding, Trainer

    from rung.models import open_model

    transformers.logging.set_verbosity_error()
    transformers.set_seed(0)
    folder = open_model("minilm").info.path
    labels = sorted({row["label"] for row in rows})
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = adapted(method, folder, len(labels), tokens)
    extra = {"bf16": True, "train_sampling_strategy": "group_by_length"} if style == "informed" else {}
    with tempfile.TemporaryDirectory() as scratch:
        settings = transformers.TrainingArguments(
            output_dir=scratch,
            per_device_train_batch_size=32,
            num_train_epochs=epochs,
            learning_rate=RATES[method],
            save_strategy="no",
            report_to="none",
            use_cpu=not torch.cuda.is_available(),
            disable_tqdm=True,
            seed=0,
            **extra,
        )
        data = encoded(rows, labels, tokenizer)
        collator = DataCollatorWithPadding(tokenizer)
        trainer = Trainer(
            model=model, args=settings, train_dataset=data, processing_class=tokenizer, data_collator=collator
        )
        seconds = trainer.train().metrics["train_runtime"]
        predicted = answers(trainer.model, tokenizer, [row["text"] for row in test])
    read = sum(len(ids) for ids in data["input_ids"]) * epochs
    right = [labels[p] == row["label"] for p, row in zip(predicted, test, strict=True)]
    return {"tokens_per_s": read / seconds, "accuracy": float(np.mean(right))}


def adapted(method: str, folder: Any, labels: int, tokens: int) -> Any:
    """The encoder with a classification head, and with what PEFT adds to it."""
    import torch
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=labels, dtype=torch.float32)
    if method == "full":
        return model
    if method == "head_only":
        model.base_model.requires_grad_(False)
        return model
    import peft

    common: dict[str, Any] = {"task_type": "SEQ_CLS"}
    soft = {**common, "num_virtual_tokens": tokens}
    config = {
        "lora": lambda: peft.LoraConfig(**common, r=16, lora_alpha=32, target_modules="all-linear"),
        "prompt_tuning": lambda: peft.PromptTuningConfig(
            **soft,
            prompt_tuning_init="TEXT",
            prompt_tuning_init_text="Assign the text to one of the labels",
            tokenizer_name_or_path=str(folder),
        ),
        "p_tuning": lambda: peft.PromptEncoderConfig(**soft, encoder_hidden_size=384),
        "prefix_tuning": lambda: peft.PrefixTuningConfig(**soft),
    }[method]()
    return peft.get_peft_model(model, config)


def encoded(rows: Rows, labels: Sequence[str], tokenizer: Any) -> Any:
    """The rows as the Trainer takes them."""
    from datasets import Dataset

    ids = tokenizer([row["text"] for row in rows], truncation=True)["input_ids"]
    wanted = [labels.index(row["label"]) for row in rows]
    return Dataset.from_dict({"input_ids": ids, "attention_mask": [[1] * len(i) for i in ids], "labels": wanted})


def answers(model: Any, tokenizer: Any, texts: Sequence[str]) -> list[int]:
    """The peer's predictions in the order of `texts` (its own `predict` returns them in the order of its length groups)."""
    import torch

    model.eval()
    found: list[int] = []
    with torch.inference_mode():
        for start in range(0, len(texts), 64):
            batch = tokenizer(list(texts[start : start + 64]), truncation=True, padding=True, return_tensors="pt")
            found += model(**batch.to(model.device)).logits.argmax(-1).tolist()
    return found
