"""What the benchmarks share: public data, the machine's matrix rate, and the closing line of JSON. Knows no peer."""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"


def arguments(description: str) -> argparse.Namespace:
    """`--quick` and `--out`."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="fewer repeats and epochs, under 10 minutes")
    parser.add_argument(
        "--only", help="run the cases whose name contains this; with --out, the others are kept as they stand"
    )
    parser.add_argument("--out", type=Path, help="also write the closing line to this file, with commit and machine")
    return parser.parse_args()


def rows(name: str) -> list[dict[str, Any]]:
    """Rows of a public dataset, e.g. `banking77/train.jsonl.gz`; exits with a message where it is absent."""
    path = DATA / name
    if not path.exists():
        sys.exit(f"this benchmark needs the public data {name} in {DATA.parent.name}/{DATA.name} beside the checkout")
    with gzip.open(path, "rt", encoding="utf-8") as handle:
        return [json.loads(line) for line in handle]


def matrix_rate(rows_M: int = 512, inner_K: int = 384, columns_N: int = 1536, seconds: float = 1.0) -> float:
    """Multiply-adds as FLOP/s of a bf16 product of the encoder's shape, all threads, median of five stretches."""
    import torch

    a, b = torch.randn(rows_M, inner_K).bfloat16(), torch.randn(columns_N, inner_K).bfloat16()
    rates = []
    for _ in range(5):
        count, start = 0, time.perf_counter()
        while time.perf_counter() - start < seconds / 5:
            for _ in range(20):
                torch.nn.functional.linear(a, b)
            count += 20
        rates.append(count * 2 * rows_M * inner_K * columns_N / (time.perf_counter() - start))
    return statistics.median(rates)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds and result of `work`."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    import torch

    cpu = next(
        (line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")), platform.processor()
    )
    return {"cpu": cpu, "cores": os.cpu_count(), "threads": torch.get_num_threads(), "load": os.getloadavg()[0]}


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def finish(result: dict[str, Any], out: Path | None, args: argparse.Namespace) -> None:
    """Print the closing line; with `out`, keep it with the commit it was made at."""
    print(json.dumps(result))
    if out is None:
        return
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    kept = {**result, "commit": commit, "machine": machine(), "quick": args.quick}
    if args.only and out.exists():
        before = json.loads(out.read_text())
        kept = {**kept, **{part: {**before[part], **result[part]} for part in ("ratios", "ours", "peer")}}
        kept["also_from"] = sorted({*before.get("also_from", []), before["commit"]} - {commit})
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
