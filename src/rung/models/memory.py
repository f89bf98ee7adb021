"""What a model needs in memory, by what is done with it, and what this machine has. Estimates; loads no weights.

Counted: weights, gradients and optimizer state by their bytes, activations by the formula of Korthikanti et al. 2022
(arXiv:2205.05198, eq. 2 without the attention scores, which fused attention does not keep): 34 bytes a token, layer and unit of
width in 16 bits, twice that in 32; autocast keeps both widths, so 68 is taken everywhere. Not counted: the data, and what else
runs on the machine. For `minilm` on a CPU the estimates lie 10 to 40 % above measured peaks (tests/models/test_memory.py).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import MappingProxyType

from rung.models.base import ModelInfo

#: What Python, torch, transformers and scikit-learn take before any weight is there, in bytes (measured).
PROCESS = 500_000_000
#: What the package `peft` takes beside, in bytes (measured).
PEFT = 250_000_000
#: Tokens of a training batch: 32 rows of 64 tokens.
TRAIN_TOKENS = 32 * 64
#: Tokens read at once when encoding, by each worker.
ENCODE_TOKENS = 2048
#: Rank of the low-rank updates, the default of `lora`.
RANK = 16
#: The ways of using a model, from the lightest; names are those of the methods.
USES = ("inference", "frozen_features", "lora", "full_finetune")
#: By which parameters a method moves, the use whose memory it takes. A soft prompt's gradient runs through the whole trunk, so it
#: keeps the activations that low-rank updates keep.
USE_OF = MappingProxyType(
    {
        "nothing": "inference",
        "head": "frozen_features",
        "soft_prompt": "lora",
        "adapter": "lora",
        "all": "full_finetune",
    }
)
#: Arrays of all vectors that stand in memory at once while a classifier is fitted on them (measured: 4 to 5), three layers each.
VECTOR_COPIES = 5 * 3
#: What is left free of the memory that is free.
RESERVE = 0.1


@dataclass(frozen=True)
class Machine:
    """What this machine has.

    Attributes:
        cores: logical processors. memory, free: bytes of main memory, and those free now.
        device: `cpu` or `cuda`. device_name, device_memory: of the GPU; None without one.
        dtype: the width matrices are multiplied in.
    """

    cores: int
    memory: int
    free: int
    device: str = "cpu"
    device_name: str | None = None
    device_memory: int | None = None
    dtype: str = "float32"

    @property
    def usable(self) -> int:
        """Bytes a job may take: the GPU's memory, or main memory that is free now."""
        return self.free if self.device_memory is None else self.device_memory


def this_machine() -> Machine:
    """Look at the machine."""
    import psutil
    import torch

    from rung.models.device import compute_dtype, device

    memory = psutil.virtual_memory()
    name, size = None, None
    if device() == "cuda":
        properties = torch.cuda.get_device_properties(0)
        name, size = properties.name, properties.total_memory
    dtype = str(compute_dtype()).removeprefix("torch.")
    return Machine(psutil.cpu_count() or 1, memory.total, memory.available, device(), name, size, dtype)


def adapter_parameters(info: ModelInfo, rank: int = RANK) -> int:
    """Parameters of low-rank updates beside all six matrices of every layer, the inner width being four times the outer."""
    return 18 * info.hidden_size * rank * info.layers


def needs(
    info: ModelInfo, *, dtype: str = "float32", shares: int = 1, batch_tokens: int = TRAIN_TOKENS
) -> dict[str, int]:
    """Peak bytes of a process by use (`USES`), rounded up to 10 MB.

    Args:
        dtype: width of matrix products. shares: parts a batch is computed in side by side, each with gradients of its own.
        batch_tokens: tokens of a training batch.
    """
    narrow = 2 if dtype in ("bfloat16", "float16") else 4
    p, a = info.parameters, adapter_parameters(info)
    # weights are read as float32 and then narrowed, so both are there for a moment
    read = 4 * p + (narrow * p if narrow < 4 else 0)
    encode = shares * ENCODE_TOKENS * info.hidden_size * 12 * narrow
    kept = 68 * info.hidden_size * info.layers * batch_tokens
    copies = shares * narrow * p if narrow < 4 else 0  # matrices narrowed for each share
    # two moments and the best weights so far: 12 bytes a moving weight; gradients: 4 for each share
    moving = 12 + 4 * shares
    bytes_by_use = {
        "inference": read + encode,
        "frozen_features": read + encode + 100_000_000,
        "lora": PEFT + 4 * p + copies + (4 + moving) * a + kept,
        "full_finetune": 4 * p + copies + moving * p + kept,
    }
    return {use: -(-(PROCESS + bytes_by_use[use]) // 10**7) * 10**7 for use in USES}


def arm_needs(info: ModelInfo, learns: str, *, rows: int, batch_tokens: int, dtype: str, shares: int) -> int:
    """Peak bytes of one arm beside the process itself, rounded up to 10 MB.

    Args:
        learns: what the method moves (`Method.learns`). rows: texts that are encoded.
        batch_tokens, dtype, shares: as for `needs`.
    """
    vectors = rows * info.hidden_size * 4 * VECTOR_COPIES
    by_use = needs(info, dtype=dtype, shares=shares, batch_tokens=batch_tokens)
    return by_use[USE_OF[learns]] - PROCESS + -(-vectors // 10**7) * 10**7


class Headroom:
    """Bytes that arms of this process may take together: nine tenths of what is free and of what they have taken already.

    On a GPU its memory counts, else main memory. Call it to ask.
    """

    def __init__(self) -> None:
        self._before = self._taken()

    def __call__(self) -> int:
        """Look at the machine."""
        return int((1 - RESERVE) * (self._free() + max(0, self._taken() - self._before)))

    def _free(self) -> int:
        import psutil

        if on_gpu():
            import torch

            return int(torch.cuda.mem_get_info()[0])
        return int(psutil.virtual_memory().available)

    def _taken(self) -> int:
        import psutil

        if on_gpu():
            import torch

            return int(torch.cuda.memory_reserved())
        return int(psutil.Process().memory_info().rss)


def on_gpu() -> bool:
    """Whether this process computes on a GPU. Where torch has not been loaded, it does not yet."""
    from rung.models.device import device

    return "torch" in sys.modules and device() == "cuda"
