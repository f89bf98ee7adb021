"""What the model can do, in figures: bits per byte, learning from its prompt, zero-shot, JSON; every one on text it has not seen.

Learning from the prompt is measured with label words that mean nothing, on five tasks of which no row stands in the training: only
the examples in the prompt can tell what a word stands for. The label is chosen by the probability of its first token; the words
drawn for one task begin with different tokens.
"""

from __future__ import annotations

import gzip
import json
import math
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
import words
from episodes import SAID, record
from formats import Episode, named
from labelled import WORD
from settings import MODERN, NOVELS, Settings
from tokenizer import ASSISTANT, END, STOP, USER
from tokenizers import Tokenizer

Row = tuple[str, str]
SHOTS = 16
#: Labelled rows that examples are taken from, at most.
POOL = 1500


class Task(NamedTuple):
    """A classification task with rows to show and rows to ask."""

    name: str
    shown: list[Row]
    asked: list[Row]

    @property
    def labels(self) -> list[str]:
        """All labels, in order of the alphabet."""
        return sorted({label for _, label in self.shown})


def read_tasks(data: Path | None, demo: Path | None, rows: int) -> list[Task]:
    """The five tasks, as far as their files are at hand; at most `rows` rows of each are asked."""
    found = []
    for name, text, label, count in (
        ("banking77", "text", "label", 10),
        ("snips", "text", "intent", None),
        ("insurance_tickets", "text", "label", None),
        ("sst2", "text", "label", None),
    ):
        if data is None or not (data / name / "train.jsonl.gz").exists():
            continue
        train = _rows(data / name / "train.jsonl.gz", text, label)
        test = _rows(data / name / "test.jsonl.gz", text, label)
        if count is not None:
            kept = set(random.Random(0).sample(sorted({y for _, y in train}), count))
            train, test = [r for r in train if r[1] in kept], [r for r in test if r[1] in kept]
        found.append(Task(name, _some(train, POOL), _some(test, rows)))
    if demo is not None and (demo / "train.jsonl").exists():
        train, test = _rows(demo / "train.jsonl", "text", "label"), _rows(demo / "test.jsonl", "text", "label")
        found.append(Task("demo", _some(train, POOL), _some(test, rows)))
    return found


def _rows(path: Path, text: str, label: str) -> list[Row]:
    body = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    rows = [json.loads(line) for line in body.splitlines()]
    return [(" ".join(str(row[text]).split()), str(row[label])) for row in rows]


def _some(rows: Sequence[Row], count: int) -> list[Row]:
    return random.Random(1).sample(list(rows), min(count, len(rows)))


class Judge:
    """A model ready to answer.

    Args:
        model: a causal LM of transformers. encoder: folder of the model that says which examples are nearest; None: by rare words.
    """

    def __init__(self, model: Any, tokenizer: Tokenizer, settings: Settings, encoder: Path | None) -> None:
        self.model, self.tokenizer, self.settings, self.encoder = model.eval(), tokenizer, settings, encoder
        self.device = next(model.parameters()).device

    def bits_per_byte(self, folder: Path, limit: int = 200_000) -> dict[str, float]:
        """Bits per byte of held-out text by source: each window of the whole context stands alone."""
        found: dict[str, float] = {}
        length = self.settings.positions
        bits = size = 0.0
        for name in (*MODERN, *NOVELS):
            text = (folder / f"{name}.held.txt").read_text(encoding="utf-8")[:limit]
            ids = self.tokenizer.encode(text, add_special_tokens=False).ids
            if len(ids) < 3:
                continue
            total = sum(self._bits(ids[at : at + length]) for at in range(0, len(ids) - 1, length - 1))
            found[name] = total / len(text.encode())
            bits, size = bits + total, size + len(text.encode())
        return {**found, "all": bits / size} if size else found

    def _bits(self, ids: list[int]) -> float:
        if len(ids) < 2:
            return 0.0
        row = torch.tensor([ids], device=self.device)
        with torch.inference_mode():
            logits_TV = self.model(row).logits[0, :-1].float()
        return float(torch.nn.functional.cross_entropy(logits_TV, row[0, 1:], reduction="sum")) / math.log(2)

    def next_logits(self, prompts: Sequence[str]) -> torch.Tensor:
        """Logits of the token after each prompt (N, V); prompts too long lose their beginning."""
        found = []
        order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
        ids = [e.ids[-(self.settings.positions - 1) :] for e in self.tokenizer.encode_batch(list(prompts))]
        for first in range(0, len(order), 8):
            batch = [ids[i] for i in order[first : first + 8]]
            longest = max(map(len, batch))
            rows = torch.tensor([row + [0] * (longest - len(row)) for row in batch], device=self.device)
            with torch.inference_mode():
                hidden_BTD = self.model.model(rows, use_cache=False).last_hidden_state
                last_BD = hidden_BTD[torch.arange(len(batch)), torch.tensor([len(row) - 1 for row in batch])]
                found.append(self.model.lm_head(last_BD).float().cpu())
        gathered = torch.cat(found)
        result = torch.empty_like(gathered)
        result[torch.tensor(order)] = gathered
        return result

    def in_context(self, task: Task) -> dict[str, Any]:
        """Accuracy from 16 examples with nonsense labels: nearest, at random, and nearest with labels shuffled over all rows."""
        nearest_NK = similar(task, self.encoder)
        draw = random.Random(f"judge {task.name}")
        names = self._nonsense(len(task.labels), draw)
        label = dict(zip(task.labels, names, strict=True))
        shuffled = [y for _, y in task.shown]
        draw.shuffle(shuffled)
        random_NK = [draw.sample(range(len(task.shown)), min(SHOTS, len(task.shown))) for _ in task.asked]
        found: dict[str, Any] = {"chance": 1 / len(task.labels), "rows": len(task.asked), "labels": len(task.labels)}
        true = [y for _, y in task.shown]
        for way, chosen_NK, answers in (
            ("nearest", nearest_NK, true),
            ("random", random_NK, true),
            ("shuffled", nearest_NK, shuffled),
        ):
            prompts = []
            for (text, _), chosen in zip(task.asked, chosen_NK, strict=True):
                # the nearest stands last, beside the query
                pairs = [(task.shown[i][0], label[answers[i]]) for i in reversed(chosen)]
                prompts.append(_prompt(pairs, text))
            ids = [self.tokenizer.encode(f" {name}", add_special_tokens=False).ids[0] for name in names]
            best_N = self.next_logits(prompts)[:, ids].argmax(1).tolist()
            right = [task.labels[best] == y for best, (_, y) in zip(best_N, task.asked, strict=True)]
            found[way] = sum(right) / len(right)
        votes = [_vote([true[i] for i in chosen]) == y for chosen, (_, y) in zip(nearest_NK, task.asked, strict=True)]
        found["vote of the nearest"] = sum(votes) / len(votes)
        return found

    def _nonsense(self, count: int, draw: random.Random) -> list[str]:
        found: dict[int, str] = {}
        while len(found) < count:
            word = words.nonsense(draw)
            found.setdefault(self.tokenizer.encode(f" {word}", add_special_tokens=False).ids[0], word)
        return list(found.values())

    def zero_shot(self, task: Task) -> dict[str, float]:
        """Accuracy with real labels and no example, by the mean log-probability of a label's tokens, and that of `majority`."""
        names = {label: label.replace("_", " ") for label in task.labels}
        right = 0
        for text, wanted in task.asked:
            prompt = f"{USER}{text}\nWhich of these: {', '.join(names.values())}?{STOP}{ASSISTANT}"
            scores = {label: self._score(prompt, name) for label, name in names.items()}
            right += max(scores, key=lambda label: scores[label]) == wanted
        common = _vote([y for _, y in task.shown])
        return {
            "zero_shot": right / len(task.asked),
            "majority": sum(y == common for _, y in task.asked) / len(task.asked),
        }

    def _score(self, prompt: str, answer: str) -> float:
        before = self.tokenizer.encode(prompt, add_special_tokens=False).ids
        after = self.tokenizer.encode(answer, add_special_tokens=False).ids
        ids = (before + after)[-self.settings.positions :]
        with torch.inference_mode():
            logits_TV = self.model(torch.tensor([ids], device=self.device)).logits[0].float()
        logs = torch.log_softmax(logits_TV[len(ids) - len(after) - 1 : -1], -1)
        return float(logs[torch.arange(len(after)), torch.tensor(after)].mean())

    def json_copying(self, count: int = 100) -> dict[str, float]:
        """Share of greedy answers that are JSON with the fields asked for, and of those that are right, from text and copied."""
        draw = random.Random("json")
        found: dict[str, float] = {}
        for kind in ("copy", "extract"):
            valid = exact = 0
            for _ in range(count):
                shown, asked = record(draw), dict[str, Any]()
                while set(asked) != set(shown):
                    asked = {**{k: v for k, v in record(draw).items() if k in shown}, **asked}
                asked = {key: asked[key] for key in shown}
                prompt = _json_prompt(kind, shown, asked)
                try:
                    answer = json.loads(self.generate(prompt, 120))
                except ValueError:
                    continue
                valid += isinstance(answer, dict) and list(answer) == list(asked)
                exact += answer == asked
            found[f"{kind}: valid"], found[f"{kind}: right"] = valid / count, exact / count
        return found

    def generate(self, prompt: str, tokens: int) -> str:
        """The greedy continuation, to a stop or so many tokens."""
        ids = self.tokenizer.encode(prompt, add_special_tokens=False).ids[-(self.settings.positions - tokens) :]
        stops = {self.tokenizer.token_to_id(END), self.tokenizer.token_to_id(STOP)}
        row = torch.tensor([ids], device=self.device)
        with torch.inference_mode():
            out = self.model.generate(
                row,
                attention_mask=torch.ones_like(row),
                max_new_tokens=tokens,
                do_sample=False,
                eos_token_id=list(stops),
            )[0, len(ids) :].tolist()
        return str(self.tokenizer.decode([i for i in out if i not in stops]))


def _prompt(pairs: Sequence[Row], text: str) -> str:
    pieces = named(Episode(list(pairs)), ("Text", "Label"), "\n\n", 1.0, 1.0)
    return "".join(piece for piece, _ in pieces) + f"Text: {text}\nLabel:"


def _json_prompt(kind: str, shown: dict[str, Any], asked: dict[str, Any]) -> str:
    def said(record: dict[str, Any]) -> str:
        return " ".join(SAID[key][0].format(value) for key, value in record.items())

    if kind == "copy":
        return f"{USER}Copy the JSON.\n{json.dumps(asked)}{STOP}{ASSISTANT}"
    told = f"Answer in JSON with the fields {', '.join(asked)}."
    first = f"{USER}{said(shown)}{STOP}{ASSISTANT}{json.dumps(shown)}{STOP}"
    return f"<|system|>{told}{STOP}{first}{USER}{said(asked)}{STOP}{ASSISTANT}"


def _vote(labels: Sequence[str]) -> str:
    return max(dict.fromkeys(labels), key=labels.count)


def similar(task: Task, encoder: Path | None) -> list[list[int]]:
    """For each asked text the 16 nearest shown ones, nearest first: by the encoder's mean vectors, else by shared rare words."""
    texts = [text for text, _ in task.shown], [text for text, _ in task.asked]
    shown_MD, asked_ND = (_vectors(encoder, part) for part in texts) if encoder else _rare_words(*texts)
    order_NK = torch.topk(asked_ND @ shown_MD.T, min(SHOTS, len(task.shown)), dim=1).indices
    return [row.tolist() for row in order_NK]


def _vectors(encoder: Path, texts: Sequence[str]) -> torch.Tensor:
    from transformers import AutoModel, AutoTokenizer, logging

    logging.disable_progress_bar()
    tokenizer, model = AutoTokenizer.from_pretrained(encoder), AutoModel.from_pretrained(encoder).eval()
    found: list[torch.Tensor] = []
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    for first in range(0, len(order), 64):
        batch = tokenizer(
            [texts[i] for i in order[first : first + 64]],
            padding=True,
            truncation=True,
            max_length=128,
            return_tensors="pt",
        )
        with torch.inference_mode():
            hidden_BTD = model(**batch).last_hidden_state
        mask = batch["attention_mask"][..., None]
        found.append(torch.nn.functional.normalize((hidden_BTD * mask).sum(1) / mask.sum(1), dim=-1))
    gathered = torch.cat(found)
    result = torch.empty_like(gathered)
    result[torch.tensor(order)] = gathered
    return result


def _rare_words(shown: Sequence[str], asked: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
    sets = [[set(WORD.findall(text.lower())) for text in part] for part in (shown, asked)]
    known = sorted(set().union(*sets[0]))
    place = {word: i for i, word in enumerate(known)}
    frequency = torch.zeros(len(known))
    for found in sets[0]:
        frequency[[place[w] for w in found]] += 1
    weights = torch.log((1 + len(shown)) / (1 + frequency))
    tables = []
    for part in sets:
        table = torch.zeros(len(part), len(known))
        for i, found in enumerate(part):
            at = [place[w] for w in found if w in place]
            table[i, at] = weights[at]
        tables.append(torch.nn.functional.normalize(table, dim=-1))
    return tables[0], tables[1]


def judge(
    judging: Judge, folder: Path, tasks: Sequence[Task], say: Callable[[str], None] = print, samples: Sequence[str] = ()
) -> dict[str, Any]:
    """All figures, as they stand in the result file."""
    began = time.monotonic()
    found: dict[str, Any] = {"bits_per_byte": judging.bits_per_byte(folder)}
    say(f"bits per byte {found['bits_per_byte'].get('all', 0):.3f}")
    found["in_context"], found["zero_shot"] = {}, {}
    for task in tasks:
        found["in_context"][task.name] = judging.in_context(task)
        found["zero_shot"][task.name] = judging.zero_shot(task)
        say(f"{task.name:18} {_shown(found['in_context'][task.name])}  {_shown(found['zero_shot'][task.name])}")
    if tasks:
        parts = list(found["in_context"].values())
        over = {way: sum(p[way] - p["chance"] for p in parts) / len(parts) for way in ("nearest", "random", "shuffled")}
        found["over_chance"] = over
        found["zero_shot_beats_majority"] = sum(p["zero_shot"] > p["majority"] for p in found["zero_shot"].values())
        say(
            f"over chance: {_shown(over)}; zero-shot beats majority on {found['zero_shot_beats_majority']} of {len(tasks)}"
        )
    found["json"] = judging.json_copying(min(100, 2 * judging.settings.judge_rows))
    say(f"JSON: {_shown(found['json'])}")
    found["samples"] = {prompt: judging.generate(prompt, 60) for prompt in samples}
    found["seconds"] = round(time.monotonic() - began, 1)
    return found


def _shown(figures: dict[str, Any]) -> str:
    return ", ".join(
        f"{key} {value:.3f}" if isinstance(value, float) else f"{key} {value}" for key, value in figures.items()
    )
