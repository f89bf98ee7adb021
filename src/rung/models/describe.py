"""What a model folder holds, from its configuration and the headers of its weights. Loads neither weights nor transformers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rung.models import files
from rung.models.base import ModelInfo, ModelKind


def kind_of(config: Mapping[str, Any]) -> ModelKind:
    """`causal` where config.json names an architecture that predicts next tokens, `seq2seq` where one that has an encoder before.

    Else `encoder`.
    """
    names = [str(name) for name in config.get("architectures") or []]
    if any(name.endswith("ForConditionalGeneration") for name in names):
        return "seq2seq"
    return "causal" if any(name.endswith(("ForCausalLM", "LMHeadModel")) for name in names) else "encoder"


def describe(name: str, folder: Path) -> ModelInfo:
    """What a model folder holds, from its configuration and the safetensors headers."""
    config = files.config_of(folder)
    width = int(config.get("hidden_size") or config.get("dim") or config.get("d_model") or config.get("n_embd") or 0)
    positions = int(config.get("max_position_embeddings") or config.get("n_positions") or 512)
    family = str(config.get("model_type", ""))
    if family in {"roberta", "xlm-roberta", "camembert"}:
        positions -= 2  # positions start behind the padding index
    return ModelInfo(
        name=name,
        kind=kind_of(config),
        revision=files.revision_of(folder),
        parameters=files.parameter_count(folder),
        hidden_size=width,
        layers=int(config.get("num_hidden_layers") or config.get("n_layers") or config.get("n_layer") or 0),
        context_length=positions,
        vocabulary=int(config.get("vocab_size") or 0),
        family=family,
        licence="Apache-2.0" if name in files.BUILT_IN else _licence(folder),
        languages=("en",) if name in files.BUILT_IN else (),
        path=str(folder),
    )


def _licence(folder: Path) -> str | None:
    """The licence in the front matter of the folder's README, or None."""
    readme = folder / "README.md"
    if not readme.exists():
        return None
    lines = readme.read_text(encoding="utf-8", errors="replace").splitlines()[:60]
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("license:")), None)
