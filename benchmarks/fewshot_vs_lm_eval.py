"""16-shot TREC-6 by scoring every label, ours against lm-evaluation-harness: same model, same prompts, float32.

Three cases: one shared prompt with labels of several tokens, one with labels of one token, and the 16 most similar examples of each
question. The model is a Llama of 77 M parameters with random weights and the starter's tokenizer: what is measured is the work, and
that both find the same log-likelihoods. The peer answers some of the rows (at least 20) at its best batch size, ours all of them.

The limit of a shared prompt: the peer reads K x (prompt + label) tokens a question (with one-token labels 1 x), we read the
question and the labels' common steps.

    python benchmarks/fewshot_vs_lm_eval.py [--quick]
"""

from __future__ import annotations

import logging
import os
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import common
import numpy as np

SHOTS = 16
#: The six labels of TREC by what they mean (several tokens), and as letters (one token).
NAMES = {
    "abbreviation": "an abbreviation or its meaning",
    "description": "a description or an explanation",
    "entity": "a thing, an animal or a work",
    "human": "a person or a group of people",
    "location": "a city, a country or a place",
    "numeric": "a number, a date or an amount",
}
LETTERS = dict(zip(NAMES, "ABCDEF", strict=True))
PEER_ROWS = 24
#: Batch sizes the peer is tried with on a few rows; the fastest is taken.
PEER_BATCHES = (1, 4, 8, 16)


def main() -> None:
    args = common.arguments(__doc__ or "")
    os.environ["RUNG_DTYPE"] = "float32"
    logging.disable(logging.WARNING)
    train, test = common.rows("trec6/train.jsonl.gz"), common.rows("trec6/test.jsonl.gz")
    if args.quick:
        test = test[:120]
    with tempfile.TemporaryDirectory() as place:
        folder = random_llama(Path(place) / "llama-77m")
        ours, peer = opened(folder)
        nearest_NK = nearest(train, test)
        found: dict[str, Any] = {"ratios": {}, "ours": {}, "peer": {}}
        for name, labels, similar in (
            ("shared prompt, labels of several tokens", NAMES, False),
            ("shared prompt, one-token labels", LETTERS, False),
            ("nearest examples, labels of several tokens", NAMES, True),
            ("nearest examples, one-token labels", LETTERS, True),
        ):
            if args.only and args.only not in name:
                continue
            shown = [[train[i] for i in row] for row in nearest_NK] if similar else [train[:SHOTS]] * len(test)
            prompts = [prompt(some, row["text"], labels) for some, row in zip(shown, test, strict=True)]
            compared(name, ours, peer, prompts, [f" {label}" for label in labels.values()], found)
        if not args.only:
            found["ours"]["10,000 scorings, 600-token prompt"] = memory_of_many(ours, train, test)
    found["peer_config"] = {
        "package": "lm-eval",
        "dtype": "float32",
        "rows": PEER_ROWS,
        "batch_size": f"the fastest of {PEER_BATCHES}",
    }
    common.finish(found, args.out, args)


def random_llama(folder: Path) -> Path:
    """A Llama of 77 M parameters with random weights, and the starter's tokenizer."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    from rung.models import open_model

    tokenizer = AutoTokenizer.from_pretrained(open_model("starter").info.path)
    torch.manual_seed(0)
    sizes = {"hidden_size": 768, "num_hidden_layers": 10, "num_attention_heads": 12, "intermediate_size": 2048}
    ends = {"bos_token_id": tokenizer.eos_token_id, "eos_token_id": tokenizer.eos_token_id}
    config = LlamaConfig(
        vocab_size=len(tokenizer), max_position_embeddings=2048, tie_word_embeddings=True, **sizes, **ends
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def opened(folder: Path) -> tuple[Any, Any]:
    """The model, opened by us and by the peer."""
    import torch
    from lm_eval.models.huggingface import HFLM

    from rung.models import open_model

    device = "cuda" if torch.cuda.is_available() else "cpu"
    peer = HFLM(pretrained=str(folder), dtype="float32", device=device, batch_size=8, add_bos_token=False)
    ours = open_model(str(folder))
    ours.score(["warm-up"], [" a", " b"])  # type: ignore[attr-defined]
    return ours, peer


def nearest(train: Sequence[dict[str, Any]], test: Sequence[dict[str, Any]]) -> list[list[int]]:
    """For each test question the most similar training questions, the nearest last."""
    from rung.methods.shots import most_similar
    from rung.methods.vectors import unit
    from rung.models import open_model
    from rung.task import as_input

    encoder: Any = open_model("minilm")
    vectors = [unit(encoder.encode([as_input(row["text"]) for row in rows]).vectors_ND) for rows in (test, train)]
    return [row[::-1] for row in most_similar(vectors[0], vectors[1], SHOTS)]


def prompt(shown: Sequence[dict[str, Any]], text: str, labels: dict[str, str]) -> str:
    """Examples and question as one text."""
    told = "What does the question ask for?\n\n"
    rows = "".join(f"Question: {row['text']}\nAnswer: {labels[row['label']]}\n\n" for row in shown)
    return f"{told}{rows}Question: {text}\nAnswer:"


def compared(name: str, ours: Any, peer: Any, prompts: list[str], labels: list[str], found: dict[str, Any]) -> None:
    """Time both on the same prompts, ours on all of them and the peer on some, and hold the figures against each other."""
    start = time.perf_counter()
    logs_NK = ours.score(prompts, labels).logs_NK
    seconds = time.perf_counter() - start
    rows = np.linspace(0, len(prompts) - 1, PEER_ROWS).astype(int).tolist()
    peer.batch_size_per_gpu = fastest(peer, [prompts[i] for i in rows[:3]], labels)
    start = time.perf_counter()
    theirs_NK = asked(peer, [prompts[i] for i in rows], labels)
    peer_seconds = time.perf_counter() - start
    apart = float(np.abs(theirs_NK - logs_NK[rows]).max())
    same = bool((theirs_NK.argmax(1) == logs_NK[rows].argmax(1)).all())
    if apart > 1e-3 or not same:
        raise SystemExit(f"{name}: the two do not agree (apart by {apart:.2g}, same predictions: {same})")
    ratio = (peer_seconds / len(rows)) / (seconds / len(prompts))
    tokens = int(np.mean(ours.count(prompts)))
    found["ratios"][name] = ratio
    found["ours"][name] = {"ms_a_row": 1000 * seconds / len(prompts), "rows": len(prompts), "prompt_tokens": tokens}
    found["peer"][name] = {
        "ms_a_row": 1000 * peer_seconds / len(rows),
        "rows": len(rows),
        "batch_size": peer.batch_size_per_gpu,
        "log_likelihoods_apart": apart,
        "same_predictions": same,
    }
    print(f"{name:44} {ratio:6.1f} x  (ours {1000 * seconds / len(prompts):.1f} ms a row)", flush=True)


def fastest(peer: Any, prompts: list[str], labels: list[str]) -> int:
    """The peer's best batch size on a few rows."""
    seconds = {}
    for size in PEER_BATCHES:
        peer.batch_size_per_gpu = size
        seconds[size] = common.timed(lambda: asked(peer, prompts, labels))[0]
    return min(seconds, key=lambda size: seconds[size])


def asked(peer: Any, prompts: list[str], labels: list[str]) -> np.ndarray:
    """The peer's log-likelihoods (N, K)."""
    from lm_eval.api.instance import Instance

    requests = [
        Instance(request_type="loglikelihood", doc={}, arguments=(text, label), idx=i)
        for text in prompts
        for i, label in enumerate(labels)
    ]
    logs = [value for value, _ in peer.loglikelihood(requests, disable_tqdm=True)]
    return np.array(logs).reshape(len(prompts), len(labels))


def memory_of_many(ours: Any, train: Sequence[dict[str, Any]], test: Sequence[dict[str, Any]]) -> dict[str, float]:
    """10,000 scorings behind a shared prompt of about 600 tokens: seconds, and the most memory above what was there before."""
    import psutil

    count = 1
    while ours.count([prompt(train[:count], "?", NAMES)])[0] < 600:
        count += 1
    texts = [row["text"] for row in (*test, *train)][: -(-10_000 // len(NAMES))]
    prompts = [prompt(train[:count], text, NAMES) for text in texts]
    process, most, ended = psutil.Process(), [0], threading.Event()
    before = process.memory_info().rss

    def watch() -> None:
        while not ended.wait(0.02):
            most[0] = max(most[0], process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    seconds = common.timed(lambda: ours.score(prompts, [f" {name}" for name in NAMES.values()]))[0]
    ended.set()
    watcher.join()
    above = max(0, most[0] - before) / 1e9
    print(f"{len(prompts) * len(NAMES):,} scorings: {seconds:.1f} s, {above:.2f} GB above the model", flush=True)
    return {"seconds": seconds, "gb_above_the_model": above, "scorings": len(prompts) * len(NAMES)}


if __name__ == "__main__":
    main()
