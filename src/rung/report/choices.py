"""What arms chose on validation rows, read from their details: learning rates, thresholds, soft prompts. Knows no layout.

Details are what a method wrote; parts that are missing or of another shape are left out rather than failing the report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rung.evaluation.summary import ArmSummary
from rung.report.asking import Asking, asking
from rung.report.formats import percent
from rung.task import Task

UNREADABLE = (
    "Do not read them as words: a soft prompt is a list of vectors, and people cannot read it. Vectors whose nearest words mean "
    "something quite different can do the same task equally well (Khashabi et al. 2022, “Prompt Waywardness”)."
)


@dataclass(frozen=True)
class Rate:
    """A learning rate that was tried, its loss on validation rows (None: it gave none), and whether it was taken."""

    learning_rate: float
    loss: float | None
    chosen: bool


@dataclass(frozen=True)
class SoftPrompt:
    """Vectors that were learnt, each with its nearest words and their distances; `space`: what these are measured in."""

    vectors: int
    nearest: tuple[tuple[tuple[str, float], ...], ...]
    space: str


@dataclass(frozen=True)
class Choices:
    """What one arm chose.

    Attributes:
        thresholds: (label, probability from which on it is given), one a label where a row may have several.
        reject_below: probability of the best class under which an input is said to belong to none.
        warning: what there is to know about how these were learnt. asking: how a prompted arm asked.
    """

    name: str
    rates: tuple[Rate, ...] = ()
    thresholds: tuple[tuple[str, float], ...] = ()
    reject_below: float | None = None
    warning: str = ""
    soft_prompt: SoftPrompt | None = None
    asking: Asking | None = None

    @property
    def parts(self) -> list[str]:
        """What there is to unfold, in a few words each."""
        said = [f"{len(self.rates)} learning rates tried"] if len(self.rates) > 1 else []
        said += [f"{len(self.thresholds)} thresholds"] if self.thresholds else []
        said += [f"no class below {percent(self.reject_below)}"] if self.reject_below is not None else []
        said += [f"a soft prompt of {self.soft_prompt.vectors} vectors"] if self.soft_prompt else []
        return said + (self.asking.parts if self.asking else [])


def choices(summary: ArmSummary, task: Task) -> Choices | None:
    """What an arm chose, as its first seed's run tells; None where it tells nothing of this."""
    details = summary.details
    decision = _mapping(details.get("decision"))
    found = Choices(
        name=summary.arm.name,
        rates=_rates(details.get("learning_rates")),
        thresholds=_thresholds(decision.get("thresholds"), task),
        reject_below=_number(decision.get("reject_below")),
        warning=str(decision.get("warning") or ""),
        soft_prompt=_soft_prompt(_mapping(details.get("soft_prompt"))),
        asking=asking(details),
    )
    return found if found.parts or found.warning else None


def _rates(value: Any) -> tuple[Rate, ...]:
    entries = [_mapping(entry) for entry in value] if isinstance(value, (list, tuple)) else []
    found = []
    for entry in entries:
        rate = _number(entry.get("learning_rate"))
        if rate is not None:
            found.append(Rate(rate, _number(entry.get("validation_loss")), bool(entry.get("chosen"))))
    return tuple(sorted(found, key=lambda rate: rate.learning_rate))


def _thresholds(value: Any, task: Task) -> tuple[tuple[str, float], ...]:
    if not isinstance(value, (list, tuple)) or len(value) != len(task.labels):
        return ()
    pairs = zip(task.label_names, map(_number, value), strict=True)
    return tuple((name, threshold) for name, threshold in pairs if threshold is not None)


def _soft_prompt(value: Mapping[str, Any]) -> SoftPrompt | None:
    nearest = value.get("nearest")
    if not isinstance(nearest, (list, tuple)):
        return None
    vectors = tuple(_words(entry) for entry in nearest)
    count = _number(value.get("vectors"))
    return SoftPrompt(len(vectors) if count is None else int(count), vectors, str(value.get("space") or "distance"))


def _words(value: Any) -> tuple[tuple[str, float], ...]:
    entries: Sequence[Any] = value if isinstance(value, (list, tuple)) else ()
    pairs = [(entry.get("word"), _number(entry.get("distance"))) for entry in map(_mapping, entries)]
    return tuple((str(word), distance) for word, distance in pairs if word is not None and distance is not None)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
