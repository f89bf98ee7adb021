"""Text from a causal model: many prompts at once, a common beginning read once, each answer independent of its neighbours.

B prompts a batch, S tokens read of each, V entries of the vocabulary.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from rung.events import Events
from rung.models.base import Finish, Reply, Sampling
from rung.models.device import parallel_map, workers
from rung.models.language.reading import Kept, KeysValues, Reading, reading
from rung.models.language.scoring import Readable, Room, by_length, padded, past_of, shared_beginning
from rung.task import Usage

if TYPE_CHECKING:
    from rung.models.language.grammar import Grammar, Held

#: Prompts that are answered side by side, at most.
BATCH_ROWS = 64


@dataclass
class Row:
    """A prompt being answered.

    Attributes:
        ids: of its tokens behind the common beginning. limit: tokens its answer may have. held: the grammar's state, or None.
        draw: where its random numbers come from. out: tokens so far.
    """

    number: int
    ids: list[int]
    limit: int
    held: Held | None
    draw: torch.Generator
    out: list[int] = field(default_factory=list)
    text: str = ""
    finish: Finish | None = None
    seconds: float = 0.0


def generate(
    model: Readable,
    prompts: Sequence[list[int]],
    sampling: Sampling,
    schema: Mapping[str, Any] | None,
    beginning: list[int],
    events: Events | None,
) -> list[Reply]:
    """See `Generator.generate`; prompts as token ids."""
    grammar = _grammar(model, schema)
    replies: dict[int, Reply] = {}
    limit = model.info.context_length or 2**31
    fitting = [i for i, ids in enumerate(prompts) if len(ids) < limit]
    shared = shared_beginning([prompts[i] for i in fitting], beginning) if model.shares else []
    past = past_of(model, shared)
    asked: Counter[str] = Counter()
    rows = {}
    for i in fitting:
        name = hashlib.sha256(repr(prompts[i]).encode()).hexdigest()
        seed = hashlib.sha256(f"{sampling.seed} {asked[name]} {name}".encode()).digest()
        asked[name] += 1  # the same prompt asked again is drawn anew
        draw = torch.Generator().manual_seed(int.from_bytes(seed[:8], "little") >> 1)
        most = min(sampling.max_tokens, limit - len(prompts[i]))
        held = None if grammar is None else grammar.begin()
        rows[i] = Row(i, prompts[i][len(shared) :], most, held, draw)
    done: list[int] = []

    def work(batch: list[int]) -> None:
        some = [rows[i] for i in batch]
        with torch.inference_mode():
            _kind(model)(model, sampling, past).answer(some)
        for row in some:
            replies[row.number] = _reply(row, prompts[row.number], len(shared))
        done.append(len(batch))
        if events is not None:
            events.progress(sum(done), len(fitting), "answers")

    batches = _batches(model, rows, len(shared))
    parallel_map(work, batches, min(workers(), len(batches)))
    too_long = Reply("", "too_long", reason=f"the prompt fills the {limit:,} tokens this model can read")
    return [replies.get(i, too_long) for i in range(len(prompts))]


def _grammar(model: Readable, schema: Mapping[str, Any] | None) -> Grammar | None:
    if schema is None:
        return None
    from rung.models.language.grammar import Grammar

    return Grammar.of(schema, model.tokenizer, model.stop_ids)


def _batches(model: Readable, rows: Mapping[int, Row], shared: int) -> list[list[int]]:
    """Rows of about equal length; for families that share nothing, of exactly equal length, so that nothing is padded."""
    lengths = {i: len(row.ids) for i, row in rows.items()}
    batches = by_length(lengths, Room.of(model.shared()), shared, 1)
    if not model.shares:
        apart = [[i for i in batch if lengths[i] == n] for batch in batches for n in {lengths[j] for j in batch}]
        batches = apart
    # as many workers as there are cores get something to do
    size = max(1, min(BATCH_ROWS, -(-len(rows) // workers())))
    return [batch[first : first + size] for batch in batches for first in range(0, len(batch), size)]


def _kind(model: Readable) -> type[_Batch]:
    if model.shares:
        return _Batch
    config: Any = model.shared().config
    return _DecoderBatch if config.is_encoder_decoder else _PlainBatch


class _Batch:
    """Answers rows side by side; a row that has ended is left out from then on."""

    def __init__(self, model: Readable, sampling: Sampling, past: KeysValues | None) -> None:
        self.network: Any = model.shared()
        self.tokenizer, self.stop_ids = model.tokenizer, model.stop_ids
        self.sampling, self.past = sampling, past
        self.offset = 0 if past is None else int(past[0][0].shape[2])

    def answer(self, rows: list[Row]) -> None:
        """Fill `out`, `text` and `finish` of every row."""
        active = rows
        while True:
            start = time.perf_counter()
            logits_BV = self.begin(active) if not active[0].out else self.step(active)
            for row, logits_V in zip(active, logits_BV, strict=True):
                self.take(row, logits_V)
            took = (time.perf_counter() - start) / len(active)
            for row in active:
                row.seconds += took
            going = [i for i, row in enumerate(active) if row.finish is None]
            if not going:
                return
            if len(going) < len(active):
                self.keep(torch.tensor(going, device=self.network.device))
                active = [active[i] for i in going]

    def begin(self, rows: Sequence[Row]) -> torch.Tensor:
        """Read the prompts; logits of what follows (B, V)."""
        device = self.network.device
        ids_BS, valid_BS = padded([row.ids for row in rows], device)
        longest = ids_BS.shape[1]
        self.at_B = self.offset + valid_BS.sum(1)  # the next position
        at_BS = (self.at_B[:, None] - longest + torch.arange(longest, device=device)).clamp(min=0)
        before = torch.ones(longest, longest, dtype=torch.bool, device=device).tril()
        mask_BSS = (before & valid_BS[:, None]) | torch.eye(longest, dtype=torch.bool, device=device)
        self.kept = Kept(room=longest + max(row.limit for row in rows))
        self.valid_BL, self.keys_BL = valid_BS, at_BS
        return self._forward(ids_BS, mask_BSS, at_BS)

    def step(self, rows: Sequence[Row]) -> torch.Tensor:
        """Read each row's last token; logits of what follows (B, V)."""
        ids_B1 = torch.tensor([[row.out[-1]] for row in rows], device=self.network.device)
        at_B1 = self.at_B[:, None]
        self.valid_BL = torch.cat([self.valid_BL, torch.ones_like(ids_B1, dtype=torch.bool)], 1)
        self.keys_BL = torch.cat([self.keys_BL, at_B1], 1)
        self.at_B = self.at_B + 1
        return self._forward(ids_B1, self.valid_BL[:, None], at_B1)

    def _forward(self, ids_BS: torch.Tensor, mask_BSL: torch.Tensor, at_BS: torch.Tensor) -> torch.Tensor:
        with reading(Reading(mask_BSL, at_BS, self.keys_BL, past=self.past, kept=self.kept)):
            out = self.network(
                ids_BS, position_ids=at_BS, attention_mask=mask_BSL[:, None], use_cache=False, logits_to_keep=1
            )
        self.kept.length += ids_BS.shape[1]
        logits_BV: torch.Tensor = out.logits[:, -1].float()
        return logits_BV

    def keep(self, rows: torch.Tensor) -> None:
        """Forget all rows but these."""
        self.kept.only(rows)
        self.at_B, self.valid_BL, self.keys_BL = self.at_B[rows], self.valid_BL[rows], self.keys_BL[rows]

    def take(self, row: Row, logits_V: torch.Tensor) -> None:
        """Choose a row's next token, and see whether its answer has ended."""
        if row.held is not None:
            row.held.only(logits_V)
        token = chosen(logits_V, self.sampling, row.draw)
        if token in self.stop_ids:
            row.finish = "stop"
            return
        row.out.append(token)
        if row.held is not None:
            row.held.take(token)
        row.text = str(self.tokenizer.decode(row.out, skip_special_tokens=True))
        ends = [at for stop in self.sampling.stop if (at := row.text.find(stop)) >= 0]
        if ends:
            row.text, row.finish = row.text[: min(ends)], "stop"
        elif row.held is not None and row.held.ended:
            row.finish = "stop"
        elif len(row.out) >= row.limit:
            row.finish = "length"


class _PlainBatch(_Batch):
    """For families whose attention cannot be stepped into: prompts of one length, transformers' own cache."""

    def begin(self, rows: Sequence[Row]) -> torch.Tensor:
        """Read the prompts; logits of what follows (B, V)."""
        self.cache: Any = None
        return self._read(torch.tensor([row.ids for row in rows], device=self.network.device))

    def step(self, rows: Sequence[Row]) -> torch.Tensor:
        """Read each row's last token; logits of what follows (B, V)."""
        return self._read(torch.tensor([[row.out[-1]] for row in rows], device=self.network.device))

    def _read(self, ids_BS: torch.Tensor) -> torch.Tensor:
        out = self.network(ids_BS, past_key_values=self.cache, use_cache=True, logits_to_keep=1)
        self.cache = out.past_key_values
        logits_BV: torch.Tensor = out.logits[:, -1].float()
        return logits_BV

    def keep(self, rows: torch.Tensor) -> None:
        """Forget all rows but these."""
        self.cache.batch_select_indices(rows)


class _DecoderBatch(_PlainBatch):
    """For encoder-decoder models: prompts of one length are encoded once, and the decoder answers."""

    def begin(self, rows: Sequence[Row]) -> torch.Tensor:
        """Read the prompts; logits of what follows (B, V)."""
        ids_BS = torch.tensor([row.ids for row in rows], device=self.network.device)
        self.cache = None
        self.states_BSD = self.network.get_encoder()(ids_BS).last_hidden_state
        begin = self.network.config.decoder_start_token_id
        return self._read(torch.full((len(rows), 1), begin, device=self.network.device))

    def _read(self, ids_BS: torch.Tensor) -> torch.Tensor:
        out = self.network(
            encoder_outputs=(self.states_BSD,),
            decoder_input_ids=ids_BS,
            past_key_values=self.cache,
            use_cache=True,
        )
        self.cache = out.past_key_values
        logits_BV: torch.Tensor = out.logits[:, -1].float()
        return logits_BV

    def keep(self, rows: torch.Tensor) -> None:
        """Forget all rows but these."""
        super().keep(rows)
        self.states_BSD = self.states_BSD[rows]


def chosen(logits_V: torch.Tensor, sampling: Sampling, draw: torch.Generator) -> int:
    """The next token: the likeliest at temperature 0, else drawn (nucleus sampling: Holtzman et al. 2020)."""
    if sampling.temperature == 0:
        return int(logits_V.argmax())
    scores_V = logits_V.double().cpu() / sampling.temperature
    sorted_V, order_V = scores_V.sort(descending=True, stable=True)
    if sampling.top_k is not None:
        sorted_V[sampling.top_k :] = float("-inf")
    shares_V = sorted_V.softmax(-1)
    shares_V[(shares_V.cumsum(-1) - shares_V) >= sampling.top_p] = 0.0
    return int(order_V[torch.multinomial(shares_V, 1, generator=draw)])


def _reply(row: Row, prompt: Sequence[int], shared: int) -> Reply:
    usage = Usage(len(prompt), len(row.out), shared, row.seconds)
    return Reply(row.text, row.finish or "length", usage)
