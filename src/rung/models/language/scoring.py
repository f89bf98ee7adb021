"""How probable each answer is after each prompt: common beginnings of prompts read once, answers as a tree.

N prompts, K answers, B prompts a batch, P tokens of the common beginning, M inner nodes of the tree, S tokens read a prompt.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch

from rung.events import Events
from rung.models.base import ModelInfo, Scored
from rung.models.device import parallel_map, workers
from rung.models.language.reading import NAME, Kept, KeysValues, Reading, reading, register
from rung.models.language.tree import TokenTree, common

#: Tokens of one forward pass, and bytes that its attention or its logits may take.
BATCH_TOKENS = 2048
BATCH_BYTES = 192 * 2**20
#: A shorter beginning is read with each prompt: it costs less than to set it apart.
LEAST_SHARED = 8


class Readable(Protocol):
    """What is asked of a model here and in `decoding`: its weights, its tokenizer, and the beginnings it keeps."""

    @property
    def info(self) -> ModelInfo:
        """Sizes."""

    @property
    def tokenizer(self) -> Any:
        """The transformers tokenizer."""

    @property
    def shares(self) -> bool:
        """Whether prompts with a common beginning can be read together."""

    @property
    def stop_ids(self) -> frozenset[int]:
        """Tokens that end an answer."""

    def shared(self) -> torch.nn.Module:
        """The frozen network."""

    def kept(self, ids: Sequence[int], read: Callable[[Sequence[int]], KeysValues]) -> KeysValues:
        """Keys and values of a prompt's beginning: kept from before, or read now."""


class Room(NamedTuple):
    """What a row's bytes follow from: heads, entries of the vocabulary."""

    heads: int
    vocabulary: int

    @classmethod
    def of(cls, network: Any) -> Room:
        """As a network's configuration says."""
        config = network.config.get_text_config()
        return cls(int(getattr(config, "num_attention_heads", 1) or 1), int(config.vocab_size))

    def rows(self, length: int, shared: int, logits: int) -> int:
        """Rows a batch, of `length` tokens read and `logits` places answered each."""
        attention = 4 * length * (length + shared) * self.heads
        return max(1, min(BATCH_TOKENS // length, BATCH_BYTES // max(attention, 4 * logits * self.vocabulary)))


def score(
    model: Readable,
    prompts: Sequence[list[int]],
    answers: Sequence[list[int]],
    beginning: list[int],
    events: Events | None,
) -> Scored:
    """See `LanguageModel.score`; prompts and answers as token ids."""
    tree = TokenTree.of(answers)
    logs_NK = np.full((len(prompts), len(answers)), np.nan)
    tokens_N = np.array([len(ids) for ids in prompts], np.int64)
    seconds_N = np.zeros(len(prompts))
    longest = max(map(len, answers))
    limit = model.info.context_length - longest + 1
    fitting = [i for i, ids in enumerate(prompts) if not limit or len(ids) <= limit]
    shared = shared_beginning([prompts[i] for i in fitting], beginning) if model.shares else []
    past = past_of(model, shared)
    room = Room.of(model.shared())
    rows = {i: prompts[i][len(shared) :] for i in fitting}
    if model.shares:
        extra, places = len(tree.tokens_M), len(tree.tokens_M) + 1
    else:
        extra, places = longest, len(answers) * longest
    batches = by_length({i: len(ids) + extra for i, ids in rows.items()}, room, len(shared), places)
    network: Any = model.shared()

    def work(batch: list[int]) -> None:
        start = time.perf_counter()
        parts = [rows[i] for i in batch]
        with torch.inference_mode():
            if model.shares:
                found = _by_tree(network, parts, tree, past)
            else:
                found = (_decoded if network.config.is_encoder_decoder else _apart)(network, parts, answers)
        logs_NK[batch] = found
        took = time.perf_counter() - start
        sizes = np.array([len(part) + extra for part in parts], float)
        seconds_N[batch] = took * sizes / sizes.sum()
        if events is not None:
            done.append(len(batch))
            events.progress(sum(done), len(fitting), "prompts")

    done: list[int] = []
    parallel_map(work, batches, min(workers(), len(batches)))
    cached_N = np.array([len(shared) if i in rows else 0 for i in range(len(prompts))], np.int64)
    return Scored(logs_NK, tokens_N, cached_N, seconds_N)


def shared_beginning(prompts: Sequence[list[int]], beginning: list[int]) -> list[int]:
    """What these prompts begin with, if it is worth setting apart: the given beginning where all have it, else what they share."""
    if not prompts:  # all are too long, and so perhaps is the beginning
        return []
    same = common(prompts) if len(prompts) > 1 else []
    size = len(beginning)
    if size > len(same) or (size and len(prompts) == 1):
        known = all(len(ids) > size and ids[:size] == beginning for ids in prompts)
        same = beginning if known else same
    return same if len(same) >= LEAST_SHARED else []


def past_of(model: Readable, shared: list[int]) -> KeysValues | None:
    """Keys and values of a beginning; None of an empty one."""
    if not shared:
        return None

    def read(ids: Sequence[int]) -> KeysValues:
        kept = Kept(room=len(ids))
        network = model.shared()
        row = torch.tensor([list(ids)], device=network.device)  # type: ignore[arg-type]
        at = torch.arange(len(ids), device=row.device)[None]
        with torch.inference_mode(), reading(Reading(None, at, at, kept=kept)):
            network(row, position_ids=at, attention_mask=_square(row), use_cache=False, logits_to_keep=1)
        kept.length = len(ids)
        return kept.filled()

    return model.kept(shared, read)


def by_length(lengths: dict[int, int], room: Room, shared: int, places: int) -> list[list[int]]:
    """Numbers of rows in batches of about equal length, the longest first."""
    batches: list[list[int]] = []
    size = 0
    for i in sorted(lengths, key=lambda i: (-lengths[i], i)):
        if not batches or len(batches[-1]) >= size:
            batches.append([])
            size = room.rows(max(1, lengths[i]), shared, places)
        batches[-1].append(i)
    return batches


def padded(rows: Sequence[Sequence[int]], device: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows (B, S) that end together, what is missing in front filled with 0, and where there is a token (B, S)."""
    longest = max(map(len, rows))
    ids_BS = torch.tensor([[0] * (longest - len(row)) + list(row) for row in rows], device=device)
    sizes_B1 = torch.tensor([[len(row)] for row in rows], device=device)
    return ids_BS, torch.arange(longest, device=device)[None] >= longest - sizes_B1


def _by_tree(network: Any, rows: Sequence[list[int]], tree: TokenTree, past: KeysValues | None) -> np.ndarray:
    """Log-probabilities (B, K): each row and the tree behind it in one pass."""
    device = network.device
    shared = 0 if past is None else int(past[0][0].shape[2])
    ids_BS, valid_BS = padded(rows, device)
    b, longest = ids_BS.shape
    nodes_M = torch.as_tensor(tree.tokens_M, device=device)
    m = len(nodes_M)
    sizes_B1 = valid_BS.sum(1, keepdim=True)
    at_BS = shared + torch.arange(longest, device=device)[None] - (longest - sizes_B1)
    nodes_at_BM = shared + sizes_B1 - 1 + torch.as_tensor(tree.depth_M, device=device)[None]
    at_BS = torch.cat([at_BS.clamp(min=0), nodes_at_BM], 1)
    sees = torch.zeros(longest + m, longest + m, dtype=torch.bool, device=device)
    sees[:longest, :longest] = torch.ones(longest, longest, dtype=torch.bool, device=device).tril()
    sees[longest:, :longest] = True
    sees[longest:, longest:] = torch.as_tensor(tree.sees_MM, device=device)
    keys_BS = torch.cat([valid_BS, valid_BS.new_ones(b, m)], 1)
    mask_BSS = (sees[None] & keys_BS[:, None, :]) | torch.eye(longest + m, dtype=torch.bool, device=device)
    ids_BS = torch.cat([ids_BS, nodes_M[None].expand(b, m)], 1)
    with reading(Reading(mask_BSS, at_BS, at_BS, past=past)):
        out = network(
            ids_BS, position_ids=at_BS, attention_mask=mask_BSS[:, None], use_cache=False, logits_to_keep=m + 1
        )
    edges = torch.as_tensor(tree.edges, device=device)
    logits_BJV = out.logits
    steps_BE = torch.stack([_log_probability(logits[edges[:, 0]], logits, edges) for logits in logits_BJV])
    table_BE = steps_BE.double().cpu().numpy()
    return np.stack([table_BE[:, list(path)].sum(1) for path in tree.paths], axis=1)


def _log_probability(taken_EV: torch.Tensor, logits_JV: torch.Tensor, edges: torch.Tensor) -> torch.Tensor:
    """Log-probability (E,) of each step of the tree, from the logits of its places (J, V)."""
    norms_J = torch.logsumexp(logits_JV.float(), -1)
    return taken_EV.gather(1, edges[:, 1:])[:, 0].float() - norms_J[edges[:, 0]]


def _apart(network: Any, prompts: Sequence[list[int]], answers: Sequence[list[int]]) -> np.ndarray:
    """Log-probabilities (B, K), each prompt with each answer in a row of its own: for families that share nothing."""
    rows = [prompt + answer[:-1] for prompt in prompts for answer in answers]
    longest = max(map(len, rows))
    device = network.device
    ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows], device=device)  # what follows is not seen
    there = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows], device=device)
    first = min(map(len, prompts)) - 1
    logits = network(ids, attention_mask=there, use_cache=False, logits_to_keep=longest - first).logits
    found = []
    pairs = [(prompt, answer) for prompt in prompts for answer in answers]
    for row, (prompt, answer) in zip(logits, pairs, strict=True):
        at = torch.arange(len(answer), device=device) + len(prompt) - 1 - first
        logs = torch.log_softmax(row[at].float(), -1)
        found.append(float(logs[torch.arange(len(answer)), torch.tensor(answer, device=device)].double().sum()))
    return np.array(found).reshape(len(prompts), len(answers))


def _decoded(network: Any, prompts: Sequence[list[int]], answers: Sequence[list[int]]) -> np.ndarray:
    """Log-probabilities (B, K) by an encoder-decoder model: each prompt is encoded once."""
    b, k, device = len(prompts), len(answers), network.device
    longest = max(map(len, prompts))
    ids_BS = torch.tensor([ids + [0] * (longest - len(ids)) for ids in prompts], device=device)
    there_BS = torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for ids in prompts], device=device)
    states_BSD = network.get_encoder()(ids_BS, attention_mask=there_BS).last_hidden_state
    begin = network.config.decoder_start_token_id
    deepest = max(map(len, answers))
    taken_KT = torch.tensor([[*answer, *[0] * (deepest - len(answer))] for answer in answers], device=device)
    read_KT = torch.cat([torch.full((k, 1), begin, device=device), taken_KT[:, :-1]], 1)
    counted_KT = torch.arange(deepest, device=device) < torch.tensor([[len(a)] for a in answers], device=device)
    found = np.empty((b, k))
    for i in range(b):
        states = states_BSD[i : i + 1].expand(k, -1, -1)
        out = network(
            encoder_outputs=(states,),
            attention_mask=there_BS[i : i + 1].expand(k, -1),
            decoder_input_ids=read_KT,
            use_cache=False,
        )
        logs_KTV = out.logits.float().log_softmax(-1)
        steps_KT = logs_KTV.gather(2, taken_KT[:, :, None])[:, :, 0].double() * counted_KT
        found[i] = steps_KT.sum(1).cpu().numpy()
    return found


def _square(row: torch.Tensor) -> torch.Tensor:
    """A mask of four dimensions: transformers hands it on as it is, and `Reading` says what is seen."""
    return torch.ones(1, 1, 1, 1, dtype=torch.bool, device=row.device).expand(1, 1, row.shape[1], row.shape[1])


def reads_alike(network: Any) -> bool:
    """Whether a network takes its attention from where `Reading` can step in, and answers the same that way.

    Twelve tokens are read whole, and as eight shared ones with a row of four behind them. Sets the network's attention.
    """
    if not getattr(network, "_supports_attention_backend", False):
        return False
    vocabulary = int(network.config.get_text_config().vocab_size)
    ids = torch.tensor([[(7 * i * i + 3 * i + 1) % vocabulary for i in range(12)]], device=network.device)
    before = network.config._attn_implementation
    try:
        with torch.inference_mode():
            plain = network(ids, use_cache=False).logits[0, -4:].float()
            network.set_attn_implementation(register())
            if network.config._attn_implementation != NAME:
                return False
            at = torch.arange(12, device=network.device)[None]
            kept = Kept(room=8)
            with reading(Reading(None, at[:, :8], at[:, :8], kept=kept)):
                network(ids[:, :8], position_ids=at[:, :8], attention_mask=_square(ids[:, :8]), use_cache=False)
            kept.length = 8
            mask = torch.ones(1, 4, 4, dtype=torch.bool, device=network.device).tril()
            with reading(Reading(mask, at[:, 8:], at[:, 8:], past=kept.filled())):
                ours = network(ids[:, 8:], position_ids=at[:, 8:], attention_mask=mask[:, None], use_cache=False)
        spread = float(plain.std()) + 1e-6
        near = 1e-3 if network.dtype == torch.float32 else 0.15
        alike = float((ours.logits[0].float() - plain).abs().max()) <= near * spread
    except (NotImplementedError, TypeError, AttributeError, ValueError, RuntimeError, KeyError):
        alike = False
    if not alike:
        network.set_attn_implementation(before)
    return alike
