"""Where arithmetic runs and how wide its numbers are: device, dtype, threads. Knows no model."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import torch

T = TypeVar("T")
R = TypeVar("R")


@cache
def device() -> str:
    """`cuda` where there is a GPU, else `cpu`. `RUNG_DEVICE` overrides."""
    import torch

    return os.environ.get("RUNG_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")


@cache
def compute_dtype() -> torch.dtype:
    """bfloat16 where the machine multiplies it natively (a GPU; a CPU with AVX512-BF16 or AMX), else float32.

    On a CPU without these instructions bfloat16 is emulated and several times slower. `RUNG_DTYPE` overrides.
    """
    import torch

    wanted = os.environ.get("RUNG_DTYPE")
    if wanted:
        return {"bfloat16": torch.bfloat16, "float32": torch.float32}[wanted]
    if device() == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    native = any(getattr(torch.cpu, probe, lambda: False)() for probe in probes)
    return torch.bfloat16 if native else torch.float32


def workers() -> int:
    """Number of single-threaded workers for CPU work: torch's thread count, which obeys OMP_NUM_THREADS; 1 on a GPU.

    Small matrices leave two intra-op threads waiting on each other at every one of some hundred operations a layer; one
    thread each over separate batches has nothing to wait for.
    """
    import torch

    return 1 if device() == "cuda" else max(1, torch.get_num_threads())


def parallel_map(function: Callable[[T], R], items: Iterable[T], threads: int) -> list[R]:
    """`function` over `items`, in order, on `threads` Python threads of one torch thread each."""
    import torch

    if threads <= 1:
        return [function(item) for item in items]
    before = torch.get_num_threads()
    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        try:
            return list(pool.map(function, items))
        finally:
            torch.set_num_threads(before)
