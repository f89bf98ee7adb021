"""What leaves the recipe: bf16 safetensors in shards, the tokenizer with its chat template, and a model card made of figures."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import torch
from settings import Settings
from tokenizer import save_tokenizer
from tokenizers import Tokenizer

SHARD = "15MB"
LIMIT_BYTES = 36_000_000


def export(model: Any, tokenizer: Tokenizer, out: Path, settings: Settings) -> dict[str, str]:
    """Write the model's folder anew and return the sha-256 of every weight file."""
    unfinished = out.with_name(out.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    model.to(torch.bfloat16).save_pretrained(unfinished, max_shard_size=SHARD)
    save_tokenizer(tokenizer, unfinished, settings.positions)
    hashes = {path.name: _sha(path) for path in sorted(unfinished.glob("*.safetensors"))}
    size = sum(path.stat().st_size for path in unfinished.glob("*.safetensors"))
    if size > LIMIT_BYTES:
        raise SystemExit(f"the weights take {size / 1e6:.1f} MB; at most {LIMIT_BYTES / 1e6:.0f} may be shipped")
    shutil.rmtree(out, ignore_errors=True)
    unfinished.replace(out)
    return hashes


def _sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_results(path: Path, found: dict[str, Any]) -> None:
    """Keep the figures, in one move."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".tmp")
    unfinished.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    unfinished.replace(path)
