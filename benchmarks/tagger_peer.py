"""Token classification as transformers' documentation does it: labels on first pieces, the Trainer. A part of quality.py."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import Any

Rows = Sequence[dict[str, Any]]
EPOCHS = 4


def tagged(train: Rows, test: Rows) -> float:
    """Micro-F1 over entities on `test`; rows have `tags` and `tokens` (or are split at blanks)."""
    import torch
    import transformers
    from datasets import Dataset
    from transformers import (
        AutoModelForTokenClassification,
        AutoTokenizer,
        DataCollatorForTokenClassification,
        Trainer,
        TrainingArguments,
    )

    from rung.models import open_model

    transformers.logging.set_verbosity_error()
    transformers.set_seed(0)
    folder = open_model("minilm").info.path
    names = sorted({tag for row in train for tag in row["tags"]})
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForTokenClassification.from_pretrained(folder, num_labels=len(names), dtype=torch.float32)

    def encode(rows: Rows) -> tuple[Any, list[list[int]]]:
        batch = tokenizer([tokens_of(row) for row in rows], is_split_into_words=True, truncation=True)
        firsts = [first_pieces(batch.word_ids(i)) for i in range(len(rows))]
        labels = []
        for row, first, ids in zip(rows, firsts, batch["input_ids"], strict=True):
            line = [-100] * len(ids)
            for word, place in enumerate(first):
                line[place] = names.index(row["tags"][word]) if row["tags"][word] in names else -100
            labels.append(line)
        columns = {"input_ids": batch["input_ids"], "attention_mask": batch["attention_mask"], "labels": labels}
        return Dataset.from_dict(columns), firsts

    with tempfile.TemporaryDirectory() as scratch:
        settings = TrainingArguments(
            output_dir=scratch,
            per_device_train_batch_size=32,
            num_train_epochs=EPOCHS,
            learning_rate=5e-5,
            save_strategy="no",
            report_to="none",
            use_cpu=not torch.cuda.is_available(),
            disable_tqdm=True,
            seed=0,
            bf16=True,
            train_sampling_strategy="group_by_length",
        )
        collator = DataCollatorForTokenClassification(tokenizer)
        trainer = Trainer(model=model, args=settings, train_dataset=encode(train)[0], data_collator=collator)
        trainer.train()
    data, firsts = encode(test)
    guessed = []
    trainer.model.eval()
    with torch.inference_mode():
        for ids, first in zip(data["input_ids"], firsts, strict=True):
            best = trainer.model(torch.tensor([ids])).logits[0].argmax(-1)
            guessed.append([names[best[place]] for place in first])
    return f1([row["tags"] for row in test], guessed)


def tokens_of(row: dict[str, Any]) -> list[str]:
    """The words that have tags."""
    found: list[str] = row.get("tokens") or row["text"].split(" ")
    return found


def first_pieces(words: Sequence[int | None]) -> list[int]:
    """Place of the first piece of each word."""
    return [i for i, word in enumerate(words) if word is not None and word != (words[i - 1] if i else None)]


def f1(expected: Sequence[Sequence[str]], guessed: Sequence[Sequence[str]]) -> float:
    """Micro-F1 over spans, as seqeval counts them: an I that goes on with nothing opens an entity."""
    want = [spans(tags) for tags in expected]
    have = [spans([*tags, *["O"] * (len(w) - len(tags))]) for tags, w in zip(guessed, expected, strict=True)]
    right = sum(len(a & b) for a, b in zip(want, have, strict=True))
    return 2 * right / max(1, sum(map(len, want)) + sum(map(len, have)))


def spans(tags: Sequence[str]) -> set[tuple[str, int, int]]:
    """Entities as (type, first word, last word + 1)."""
    found, start, kind = set(), 0, ""
    for i, tag in enumerate([*tags, "O"]):
        prefix, _, name = tag.partition("-")
        if kind and (prefix in ("B", "O") or name != kind):
            found.add((kind, start, i))
            kind = ""
        if prefix != "O" and not kind:
            kind, start = name, i
    return found


if __name__ == "__main__":
    raise SystemExit("this is a part of quality.py")
