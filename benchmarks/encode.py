"""Encoding BANKING77 with the same MiniLM weights: ours against sentence-transformers, rounds in turn, medians.

The limit is the bf16 matrix rate: 2 x 10.6 M multiply-adds a token. The peer is run as its documentation shows (`encode`, float32),
and once more as an informed user would run it on this machine (bfloat16 weights).

    python benchmarks/encode.py [--quick]
"""

from __future__ import annotations

import statistics

import common
import numpy as np


def main() -> None:
    args = common.arguments(__doc__ or "")
    import torch
    from sentence_transformers import SentenceTransformer

    from rung.models import open_model
    from rung.task import as_input

    texts = [row["text"] for row in common.rows("banking77/test.jsonl.gz")]
    if not args.quick:
        texts += [row["text"] for row in common.rows("banking77/train.jsonl.gz")]
    inputs = [as_input(text) for text in texts]
    ours = open_model("minilm")
    folder = ours.info.path
    peer = SentenceTransformer(folder, device="cpu")
    peer_bf16 = SentenceTransformer(folder, device="cpu", model_kwargs={"dtype": torch.bfloat16})
    ours.encode(inputs[:64])
    peer.encode(texts[:64])
    peer_bf16.encode(texts[:64])
    seconds: dict[str, list[float]] = {"ours": [], "peer": [], "peer_bf16": []}
    vectors = {}
    for _ in range(3):
        for name, work in (
            ("ours", lambda: ours.encode(inputs).vectors_ND),
            ("peer", lambda: peer.encode(texts)),
            ("peer_bf16", lambda: peer_bf16.encode(texts)),
        ):
            took, vectors[name] = common.timed(work)
            seconds[name].append(took)
            print(f"{name:10} {took:7.2f} s  {len(texts) / took:7.0f} texts/s", flush=True)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    tokens = int(ours.encode(inputs).tokens_N.sum())
    rate = common.matrix_rate()
    result = {
        "ratios": {"encode": median["peer"] / median["ours"], "encode_vs_bf16": median["peer_bf16"] / median["ours"]},
        "ours": {
            "texts_per_s": len(texts) / median["ours"],
            "tokens_per_s": tokens / median["ours"],
            "cosine_min": float(cosine(vectors["ours"], vectors["peer"]).min()),
            "cosine_mean": float(cosine(vectors["ours"], vectors["peer"]).mean()),
            "share_of_matrix_rate": tokens / median["ours"] * 2 * 6 * (4 * 384**2 + 2 * 384 * 1536) / rate,
        },
        "peer": {"texts_per_s": len(texts) / median["peer"], "texts_per_s_bf16": len(texts) / median["peer_bf16"]},
        "peer_config": {"package": "sentence-transformers", "batch_size": 32, "dtype": "float32; bfloat16 in *_bf16"},
    }
    common.finish(result, args.out, args)


def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Row by row."""
    return (a * b).sum(1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))


if __name__ == "__main__":
    main()
