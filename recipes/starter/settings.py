"""The numbers of the recipe, in one place. Knows no data and no model."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

#: Sources of plain text; `corpus` says how often each is read.
MODERN = ("openstax", "enwiki_sample", "wikinews", "medquad_qa", "peps", "storybooks_en")
NOVELS = ("classics",)


@dataclass(frozen=True)
class Settings:
    """One run of the recipe.

    Attributes:
        vocabulary: entries of the byte-level BPE. width, layers, heads, inner: of the Llama. positions: of its context.
        tokens: of the whole training. step_tokens: of one optimizer step. micro_tokens: of one forward and backward pass.
        lengths: window lengths and the share of steps each gets.
        text_share: of the windows before the last part that are plain text; the others are made on the fly.
        last_part: share of the steps that also see prompted tasks; the learning rate falls over them.
        sft_share, last_text_share: of the windows in the last part that are prompted tasks, and plain text.
        muon_rate, adam_rate: peak learning rates of the matrices, and of embeddings and norms.
        answer_weight, prompt_weight: loss weights of an answer's tokens, and of those of the sentences asked about; 1 for text.
    """

    name: str
    vocabulary: int = 8192
    width: int = 384
    layers: int = 8
    heads: int = 6
    inner: int = 1024
    positions: int = 2048
    tokens: int = 1_000_000_000
    step_tokens: int = 262_144
    micro_tokens: int = 65_536
    lengths: tuple[tuple[int, float], ...] = ((512, 0.3), (1024, 0.5), (2048, 0.2))
    text_share: float = 0.2
    last_part: float = 0.2
    sft_share: float = 0.4
    last_text_share: float = 0.15
    muon_rate: float = 0.02
    adam_rate: float = 3e-3
    warmup: int = 100
    answer_weight: float = 3.0
    prompt_weight: float = 0.2
    seed: int = 0
    held_out: float = 0.01
    text_limit_mb: float = 1e9
    checkpoint_s: float = 120.0
    judge_rows: int = 200

    @property
    def steps(self) -> int:
        """Optimizer steps of the whole training."""
        return max(1, round(self.tokens / self.step_tokens))

    @property
    def last_from(self) -> int:
        """The first step of the last part."""
        return round(self.steps * (1 - self.last_part))

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


GPU = Settings("gpu")
#: Two cores for two hours: half the layers, a fiftieth of the tokens.
CPU = replace(
    GPU,
    name="cpu",
    layers=4,
    tokens=15_000_000,
    step_tokens=8_192,
    micro_tokens=4_096,
    lengths=((512, 0.6), (1024, 0.3), (2048, 0.1)),
    text_share=0.35,
)
#: Three minutes: every part of the recipe runs, nothing is learnt that would be of use.
TINY = replace(
    CPU,
    name="tiny",
    vocabulary=1024,
    width=64,
    layers=2,
    heads=2,
    inner=128,
    positions=512,
    tokens=98_304,
    step_tokens=2_048,
    micro_tokens=1_024,
    lengths=((256, 0.5), (512, 0.5)),
    warmup=10,
    text_limit_mb=0.5,
    judge_rows=8,
)
PRESETS = {settings.name: settings for settings in (GPU, CPU, TINY)}
