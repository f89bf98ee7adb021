"""Random language models of every supported family, two layers deep and 32 wide, with byte-level or sentence-piece tokenizers.

folder = build_language("llama", tmp_path)    # transformers files: config.json, model.safetensors, tokenizer.json
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from families import texts

POSITIONS = 192
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
END = "<|end|>"
#: Turns as many models write them, and one that knows no system turn.
CHAT = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
NO_SYSTEM = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "<|{{ m.role }}|>{{ m.content }}<|end|>\n{% endfor %}{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
SPECIAL = ["<s>", "</s>", "<pad>", "<unk>", END, "<|system|>", "<|user|>", "<|assistant|>"]


@contextmanager
def in_float32() -> Iterator[None]:
    """For as long as the block lasts models compute in float32: of random ones the best two answers often lie close."""
    from rung.models.catalogue import open_model
    from rung.models.device import compute_dtype

    def forget() -> None:  # models that are open compute as they were opened
        compute_dtype.cache_clear()
        open_model.cache_clear()

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNG_DTYPE", "float32")
        forget()
        yield
    forget()


def byte_tokenizer(template: str | None = None) -> Any:
    """Byte-level pairs; nothing is put before a text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=480, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts(), trainer)
    return _fast(tokenizer, template)


def piece_tokenizer(template: str | None = None) -> Any:
    """Pieces with a mark for the space, bytes for what is unknown, `<s>` before a text (Llama 2, Gemma)."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="first")
    trainer = trainers.UnigramTrainer(vocab_size=420, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(texts(), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))]
    )
    return _fast(tokenizer, template)


def _fast(tokenizer: Any, template: str | None) -> Any:
    from transformers import PreTrainedTokenizerFast

    named = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=POSITIONS, **named)
    fast.add_special_tokens({"additional_special_tokens": SPECIAL[4:]})
    fast.chat_template = template
    return fast


def _gpt2(t: Any, size: int) -> Any:
    how = {"n_positions": POSITIONS, "n_embd": 32, "n_layer": 2, "n_head": 4, "bos_token_id": 0, "eos_token_id": 1}
    return t.GPT2LMHeadModel(t.GPT2Config(vocab_size=size, **how))


def _like_llama(name: str, config: str = "", **more: Any) -> Callable[[Any, int], Any]:
    def make(t: Any, size: int) -> Any:
        ends = {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}
        how = {**SIZES, "num_key_value_heads": 2, "max_position_embeddings": POSITIONS, "head_dim": 8, **ends, **more}
        return getattr(t, f"{name}ForCausalLM")(getattr(t, config or f"{name}Config")(vocab_size=size, **how))

    return make


def _falcon(t: Any, size: int) -> Any:
    how = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "bos_token_id": 0, "eos_token_id": 1}
    return t.FalconForCausalLM(t.FalconConfig(vocab_size=size, max_position_embeddings=POSITIONS, alibi=False, **how))


def _bloom(t: Any, size: int) -> Any:
    return t.BloomForCausalLM(t.BloomConfig(vocab_size=size, hidden_size=32, n_layer=2, n_head=4, eos_token_id=1))


def _t5(t: Any, size: int) -> Any:
    how = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4, "decoder_start_token_id": 2}
    return t.T5ForConditionalGeneration(t.T5Config(vocab_size=size, pad_token_id=2, eos_token_id=1, **how))


def _bart(t: Any, size: int) -> Any:
    layers = {"encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4, "decoder_attention_heads": 4}
    ends = {"pad_token_id": 2, "eos_token_id": 1, "bos_token_id": 0, "decoder_start_token_id": 1}
    how = {"d_model": 32, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "max_position_embeddings": POSITIONS}
    return t.BartForConditionalGeneration(
        t.BartConfig(vocab_size=size, forced_eos_token_id=None, **how, **layers, **ends)
    )


#: Family to (network, tokenizer). Windows are short, so that the tests' prompts are longer.
LANGUAGE: dict[str, tuple[Callable[[Any, int], Any], Callable[[], Any]]] = {
    "gpt2": (_gpt2, byte_tokenizer),
    "llama": (_like_llama("Llama"), lambda: piece_tokenizer(CHAT)),
    "mistral": (_like_llama("Mistral", sliding_window=24), lambda: byte_tokenizer(NO_SYSTEM)),
    "qwen2": (_like_llama("Qwen2"), lambda: byte_tokenizer(CHAT)),
    "qwen3": (_like_llama("Qwen3"), lambda: byte_tokenizer(CHAT)),
    "gemma": (_like_llama("Gemma", num_key_value_heads=1), lambda: piece_tokenizer(NO_SYSTEM)),
    "gemma2": (_like_llama("Gemma2", sliding_window=16, query_pre_attn_scalar=8), piece_tokenizer),
    "gemma3_text": (
        _like_llama("Gemma3", "Gemma3TextConfig", sliding_window=16, query_pre_attn_scalar=8),
        lambda: piece_tokenizer(CHAT),
    ),
    "falcon": (_falcon, byte_tokenizer),
    "bloom": (_bloom, byte_tokenizer),
}
SEQ2SEQ: dict[str, tuple[Callable[[Any, int], Any], Callable[[], Any]]] = {
    "t5": (_t5, byte_tokenizer),
    "bart": (_bart, byte_tokenizer),
}
#: Families whose attention cannot be stepped into: they read every prompt whole.
APART = ("falcon", "bloom")


def build_language(family: str, parent: Path) -> Path:
    """The folder of a random model of `family`, made under `parent`; the same weights every time."""
    import torch
    import transformers

    network, tokenizer = {**LANGUAGE, **SEQ2SEQ}[family]
    cutter = tokenizer()
    folder = parent / family
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = network(transformers, len(cutter))
        for weight in model.parameters():  # far enough from zero that answers differ
            if weight.ndim > 1:
                torch.nn.init.normal_(weight, std=0.25)
    model.save_pretrained(folder)
    cutter.save_pretrained(folder)
    return folder
