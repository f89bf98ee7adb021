"""Where arithmetic runs and how wide its numbers are: device, dtype, threads. Knows no model."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import torch

T = TypeVar("T")
R = TypeVar("R")

#: Held while something is made that goes through state of the whole process: see `building`.
_building = threading.RLock()


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


def for_inference(module: torch.nn.Module) -> torch.nn.Module:
    """The module as it answers: on the machine's device, in its fastest dtype, without gradients. Changes it in place."""
    return module.to(device=device(), dtype=compute_dtype()).eval().requires_grad_(False)


def workers() -> int:
    """Number of single-threaded workers for CPU work: this thread's torch thread count, which obeys OMP_NUM_THREADS; 1 on a GPU.

    Small matrices leave two intra-op threads waiting on each other at every one of some hundred operations a layer; one
    thread each over separate batches has nothing to wait for.
    """
    import torch

    return 1 if device() == "cuda" else max(1, torch.get_num_threads())


def use_threads(threads: int) -> None:
    """From here on torch computes with `threads` threads in the calling thread, whatever other threads set for themselves.

    A thread that has not asked yet takes, at its first operation, the number that any thread set last. So it asks first.
    """
    import torch

    torch.get_num_threads()
    torch.set_num_threads(threads)


def parallel_map(function: Callable[[T], R], items: Iterable[T], threads: int) -> list[R]:
    """`function` over `items`, in order, on `threads` Python threads of one torch thread each."""
    import torch

    if threads <= 1:
        return [function(item) for item in items]
    before = torch.get_num_threads()
    with ThreadPoolExecutor(threads, initializer=use_threads, initargs=(1,)) as pool:
        try:
            return list(pool.map(function, items))
        finally:
            torch.set_num_threads(before)


@contextmanager
def building(seed: int | None = None) -> Iterator[None]:
    """One thread at a time: for making a model, which goes through torch's default generator and default dtype.

    Both belong to the process: two arms that are prepared side by side would draw from each other's numbers. With a `seed`
    what is drawn inside depends on it alone, and the generator is left as it was.
    """
    import torch

    with _building:
        if seed is None:
            yield
            return
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield


def default_lanes() -> int:
    """How many arms are worked on side by side where nobody says: one below 8 cores and on a GPU, else one for 4 cores.

    A batch cut into more than four shares leaves each too few rows; whole arms side by side keep more cores busy.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    if cores < 8:  # decided without torch, which takes seconds to load
        return 1
    return 1 if device() == "cuda" else max(1, workers() // 4)
