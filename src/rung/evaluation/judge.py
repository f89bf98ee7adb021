"""A language model as judge of texts: an answer against the reference, asked in both orders. Knows no method.

What such a judge prefers is its own opinion: it favours what stands first, what is long, and what it would have written itself
(Zheng et al. 2023, "Judging LLM-as-a-judge", arXiv:2306.05685, section 3.3). So every pair is judged with the two exchanged, a
verdict that changes with the order counts as a tie, what cannot be read is left out and counted, and the prompt is kept with the
figures.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rung.evaluation import intervals
from rung.evaluation.records import RowResult
from rung.events import Events
from rung.models.base import Generator, Sampling
from rung.task import Example, Message, Prompt, Task

PROMPT = """You compare two answers to the same request.

Request:
{request}

Answer A:
{first}

Answer B:
{second}

{criteria}Which answer is better? Write one word on a line of its own: A, B or tie."""
#: Tokens of a verdict: room for a word, and for a judge that says why first.
VERDICT_TOKENS = 256
Side = Literal["A", "B", "tie"]
_WORD = re.compile(r"^[\s*\"'(\[]*(?:answer\s+)?(A|B|tie)[\s*\"').\]]*$", re.IGNORECASE)


@dataclass(frozen=True)
class Judge:
    """Who judges, on how many rows, and by what.

    Attributes:
        criteria: what makes an answer better, in words; empty: left to the judge.
    """

    model: Generator
    rows: int = 50
    criteria: str = ""

    def prompt(self, task: Task, request: str, first: str, second: str) -> Prompt:
        """What the judge is asked about one pair, in one order."""
        told = f"{self.criteria.strip()}\n\n" if self.criteria.strip() else ""
        asked = f"{task.instruction}\n\n{request}" if task.instruction else request
        text = PROMPT.format(request=asked, first=first, second=second, criteria=told)
        return (Message("user", text),) if self.model.chat else f"{text}\n"

    def verdicts(
        self, task: Task, examples: Sequence[Example], rows: Sequence[RowResult], events: Events | None = None
    ) -> dict[str, Any]:
        """How often an arm's answers are preferred to the references, as JSON values.

        Keys: `win_rate` (a win 1, a tie a half) with `low` and `high` (95 %, Wilson), `wins`, `ties`, `losses`, `judged`;
        `unreadable`: rows left out because a verdict could not be read; `swayed`: rows whose verdict changed with the order (they
        count as ties); `model`, `prompt`.
        """
        chosen = _chosen(examples, rows, self.rows)
        prompts: list[Prompt] = []
        for example, row in chosen:
            reference, answer = _reference(example), str(row.output or "")
            prompts.append(self.prompt(task, example.input.text, answer, reference))
            prompts.append(self.prompt(task, example.input.text, reference, answer))
        replies = self.model.generate(prompts, Sampling(max_tokens=VERDICT_TOKENS), events=events)
        read = [read_verdict(reply.text) if reply.finish in ("stop", "length") else None for reply in replies]
        pairs = list(zip(read[::2], read[1::2], strict=True))
        known = [(a, b) for a, b in pairs if a is not None and b is not None]
        wins = sum(a == "A" and b == "B" for a, b in known)
        losses = sum(a == "B" and b == "A" for a, b in known)
        ties = len(known) - wins - losses
        found = intervals.wilson(wins + ties / 2, len(known)) if known else None
        return {
            "model": self.model.info.name,
            "prompt": PROMPT.replace("{criteria}", f"{self.criteria}\n\n" if self.criteria else ""),
            "win_rate": (wins + ties / 2) / len(known) if known else None,
            "low": found.low if found else None,
            "high": found.high if found else None,
            "wins": wins,
            "ties": ties,
            "losses": losses,
            "judged": len(known),
            "swayed": sum(a == b and a != "tie" for a, b in known),
            "unreadable": len(pairs) - len(known),
        }


def read_verdict(text: str) -> Side | None:
    """The verdict in a judge's reply: the last line that is nothing but one; None where there is none.

    >>> read_verdict("A is longer, B is right.\\n**B**"), read_verdict("Both are good")
    ('B', None)
    """
    for line in reversed(text.strip().splitlines()):
        if (match := _WORD.match(line)) is not None:
            word = match.group(1)
            return "tie" if word.lower() == "tie" else "A" if word.upper() == "A" else "B"
    return None


def _chosen(examples: Sequence[Example], rows: Sequence[RowResult], count: int) -> list[tuple[Example, RowResult]]:
    """The rows that are judged: the same for every arm, whatever the order of the file."""
    pairs = list(zip(examples, rows, strict=True))
    pairs.sort(key=lambda pair: hashlib.sha256(pair[0].input.text.encode()).hexdigest())
    return pairs[:count]


def _reference(example: Example) -> str:
    return example.output if isinstance(example.output, str) else example.output[0]
