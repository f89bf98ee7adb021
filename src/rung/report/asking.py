"""How a prompted arm asked, read from its details: the ways tried, the prompt, what went wrong, a judge's opinion. Knows no layout.

Details are what a method wrote; parts that are missing or of another shape are left out rather than failing the report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rung.report.formats import percent

#: What `Prediction.notes` mean, in words for a count of rows.
NOTES = {
    "shots_dropped": "asked with fewer examples, since the prompt was too long",
    "input_cut": "asked with the end of the input cut off, since it was too long",
    "repaired": "answers read after something was taken off or mended",
    "unreadable": "answers that could not be read; they count as wrong",
    "too_long": "not asked, since the prompt fills the model's context",
    "refused": "refused by the provider",
    "failed": "without an answer",
}


@dataclass(frozen=True)
class Way:
    """A way of asking that was tried: in a few words, its score on so many validation rows, and whether it was taken."""

    told: str
    score: float
    rows: int
    chosen: bool


@dataclass(frozen=True)
class Asking:
    """How an arm asked.

    Attributes:
        prompt: what it asked about one row. notes: (what, rows) on the test rows. judge: a judge's opinion, in words.
        judge_prompt: what the judge was asked.
    """

    ways: tuple[Way, ...] = ()
    prompt: str = ""
    notes: tuple[tuple[str, int], ...] = ()
    judge: str = ""
    judge_prompt: str = ""

    @property
    def parts(self) -> list[str]:
        """What there is to unfold, in a few words each."""
        said = [f"{len(self.ways)} ways of asking tried"] if len(self.ways) > 1 else []
        said += ["the prompt"] if self.prompt else []
        said += [f"{sum(count for _, count in self.notes):,} notes on answers"] if self.notes else []
        return said + (["a judge's opinion"] if self.judge else [])


def asking(details: Mapping[str, Any]) -> Asking | None:
    """How an arm asked; None where its details tell nothing of it."""
    judged = _mapping(details.get("judge"))
    found = Asking(
        ways=tuple(way for entry in _list(details.get("tried")) if (way := _way(_mapping(entry))) is not None),
        prompt=str(details.get("example_prompt") or ""),
        notes=tuple(
            (NOTES.get(str(key), str(key)), int(count)) for key, count in _mapping(details.get("notes")).items()
        ),
        judge=_opinion(judged),
        judge_prompt=str(judged.get("prompt") or ""),
    )
    return found if found.parts else None


def _way(entry: Mapping[str, Any]) -> Way | None:
    score = entry.get("validation_score")
    if not isinstance(score, (int, float)):
        return None
    shots = entry.get("shots")
    told = [f"{shots} {entry.get('selection', '')} examples".replace("  ", " ")] if shots else ["no examples"]
    told += [f"as {entry['form']}"] if entry.get("form") else []
    told += ["the most similar first"] if entry.get("order") == "first_chosen_first" else []
    told += ["calibrated"] if entry.get("calibrated") else []
    told += [f"“{entry['instruction']}”"] if entry.get("instruction") else []
    return Way(", ".join(told), float(score), int(entry.get("rows") or 0), bool(entry.get("chosen")))


def _opinion(judged: Mapping[str, Any]) -> str:
    rate, rows = judged.get("win_rate"), judged.get("judged")
    unread = int(judged.get("unreadable") or 0)
    aside = f"; {unread} more left out, since a verdict could not be read" if unread else ""
    if not judged:
        return ""
    if not isinstance(rate, (int, float)):
        return f"{judged.get('model')} gave no verdict that could be read ({unread} rows)"
    low, high = float(judged.get("low") or 0), float(judged.get("high") or 0)
    return (
        f"{judged.get('model')} prefers this arm's answers to the references in {percent(float(rate))} of {rows} rows "
        f"({percent(low)} to {percent(high)}; ties count half; {judged.get('swayed', 0)} verdicts changed with the order and count "
        f"as ties{aside})"
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else []
