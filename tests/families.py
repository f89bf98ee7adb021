"""Random models of every supported family, two layers deep and 32 wide, each with a tokenizer of its family's kind.

folder = build("roberta", tmp_path)    # transformers files: config.json, model.safetensors, tokenizer.json
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rung.testing import toy

#: Tokens a tiny model reads.
POSITIONS = 64
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}


def texts() -> list[str]:
    """What the tokenizers are trained on."""
    rows = [*toy().train, *toy("extract").train]
    return [row.input.text for row in rows] + ["the quick brown fox", "good word", "bad refund", "0123456789.,!?'"]


def _pieces(special: dict[str, str], *, types: bool) -> Any:
    """Word pieces, lower case (BERT, DistilBERT)."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.WordPiece(unk_token=special["unk_token"], max_input_chars_per_word=200))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=400, special_tokens=list(special.values()), show_progress=False)
    tokenizer.train_from_iterator(texts(), trainer)
    return _fast(tokenizer, special, types=types)


def _bytes(special: dict[str, str], *, types: bool, offsets_with_space: bool = False) -> Any:
    """Byte-level pairs, the space before a word belonging to it (RoBERTa, DeBERTa, ModernBERT)."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE(unk_token=special["unk_token"]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=list(special.values()),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts(), trainer)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=not offsets_with_space)
    return _fast(tokenizer, special, types=types)


def _sentences(special: dict[str, str], *, types: bool) -> Any:
    """Pieces of a unigram model over words that begin with a mark for the space (DeBERTa v2 and v3)."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=400,
        special_tokens=list(special.values()),
        unk_token=special["unk_token"],
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts(), trainer)
    return _fast(tokenizer, special, types=types)


def _fast(tokenizer: Any, special: dict[str, str], *, types: bool) -> Any:
    from tokenizers import processors
    from transformers import PreTrainedTokenizerFast

    first, last = special["cls_token"], special["sep_token"]
    ends = [(token, tokenizer.token_to_id(token)) for token in (first, last)]
    own = tokenizer.post_processor
    template = processors.TemplateProcessing(
        single=f"{first} $A {last}", pair=f"{first} $A {last} $B:1 {last}:1", special_tokens=ends
    )
    tokenizer.post_processor = template if own is None else processors.Sequence([own, template])
    inputs = ["input_ids", "token_type_ids", "attention_mask"] if types else ["input_ids", "attention_mask"]
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=POSITIONS, model_input_names=inputs, **special
    )


_BERT = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}
_ROBERTA = {
    "cls_token": "<s>",
    "pad_token": "<pad>",
    "sep_token": "</s>",
    "unk_token": "<unk>",
    "mask_token": "<mask>",
}


def _bert() -> tuple[Any, Any]:
    import transformers as t

    fast = _pieces(_BERT, types=True)
    config = t.BertConfig(vocab_size=len(fast), max_position_embeddings=POSITIONS, **SIZES)
    return t.BertModel(config, add_pooling_layer=False), fast


def _distilbert() -> tuple[Any, Any]:
    import transformers as t

    fast = _pieces(_BERT, types=False)
    config = t.DistilBertConfig(
        vocab_size=len(fast), max_position_embeddings=POSITIONS, dim=32, n_layers=2, n_heads=4, hidden_dim=64
    )
    return t.DistilBertModel(config), fast


def _roberta() -> tuple[Any, Any]:
    import transformers as t

    fast = _bytes(_ROBERTA, types=False)
    config = t.RobertaConfig(
        vocab_size=len(fast),
        max_position_embeddings=POSITIONS + 2,
        type_vocab_size=1,
        pad_token_id=fast.pad_token_id,
        **SIZES,
    )
    return t.RobertaModel(config, add_pooling_layer=False), fast


def _xlm_roberta() -> tuple[Any, Any]:
    """With its pooler, as it is published."""
    import transformers as t

    fast = _sentences(_ROBERTA, types=False)
    config = t.XLMRobertaConfig(
        vocab_size=len(fast),
        max_position_embeddings=POSITIONS + 2,
        type_vocab_size=1,
        pad_token_id=fast.pad_token_id,
        **SIZES,
    )
    return t.XLMRobertaModel(config), fast


def _deberta() -> tuple[Any, Any]:
    import transformers as t

    fast = _bytes(_BERT, types=True, offsets_with_space=True)
    config = t.DebertaConfig(
        vocab_size=len(fast),
        max_position_embeddings=POSITIONS,
        type_vocab_size=0,
        relative_attention=True,
        max_relative_positions=-1,
        position_biased_input=False,
        pos_att_type=["c2p", "p2c"],
        **SIZES,
    )
    return t.DebertaModel(config), fast


def _deberta_v2() -> tuple[Any, Any]:
    """As DeBERTa v3 is configured: shared keys, buckets, a norm on the relative embeddings."""
    import transformers as t

    fast = _sentences(_BERT, types=True)
    config = t.DebertaV2Config(
        vocab_size=len(fast),
        max_position_embeddings=POSITIONS,
        type_vocab_size=0,
        relative_attention=True,
        max_relative_positions=-1,
        position_buckets=16,
        norm_rel_ebd="layer_norm",
        share_att_key=True,
        position_biased_input=False,
        pos_att_type=["p2c", "c2p"],
        **SIZES,
    )
    return t.DebertaV2Model(config), fast


def _modernbert() -> tuple[Any, Any]:
    """Three layers: with global attention, with local, with global."""
    import transformers as t

    fast = _bytes(_BERT, types=False)
    sizes = SIZES | {"num_hidden_layers": 3}
    config = t.ModernBertConfig(
        vocab_size=len(fast),
        max_position_embeddings=POSITIONS,
        global_attn_every_n_layers=2,
        local_attention=8,
        pad_token_id=fast.pad_token_id,
        cls_token_id=fast.cls_token_id,
        sep_token_id=fast.sep_token_id,
        bos_token_id=fast.cls_token_id,
        eos_token_id=fast.sep_token_id,
        **sizes,
    )
    return t.ModernBertModel(config), fast


MAKERS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "bert": _bert,
    "roberta": _roberta,
    "distilbert": _distilbert,
    "deberta": _deberta,
    "deberta_v2": _deberta_v2,
    "modernbert": _modernbert,
    "xlm_roberta": _xlm_roberta,
}
FAMILIES = tuple(MAKERS)


def build(family: str, folder: Path) -> Path:
    """Write a random model of the family; its folder."""
    import torch

    place = folder / family
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model, tokenizer = MAKERS[family]()
        model.save_pretrained(place)
    tokenizer.save_pretrained(place)
    return place
