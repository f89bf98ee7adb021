"""Hosted models in a comparison: opened with the user's prices and cap, skipped where rows may not leave, told before an upload."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from rung.compare.wiring import Wiring
from rung.dataset import Dataset
from rung.errors import RungError, UsageError
from rung.evaluation.judge import Judge
from rung.evaluation.latency import latency_of_requests
from rung.evaluation.records import Latency
from rung.metrics.ngrams import references_of
from rung.models.base import Generator, Model
from rung.models.hosted import HostedModel, hosted_name
from rung.models.hosted.scan import scan
from rung.plan import Limits, TaskFile
from rung.task import Example, TaskKind
from rung.workspace import Workspace


@dataclass
class Opener:
    """Opens hosted models, once each, and leaves all others to `wiring`."""

    wiring: Wiring
    file: TaskFile
    workspace: Workspace
    _opened: dict[str, HostedModel] = field(default_factory=dict)

    def __call__(self, name: str) -> Model:
        """The model called `name`."""
        if hosted_name(name) is None:
            return self.wiring.open_model(name)
        if name not in self._opened:
            self._opened[name] = HostedModel(
                name,
                answers=self.workspace.folder / "answers",
                prices=self.file.prices.tokens.get(name),
                limit_usd=self.file.limits.spend_usd,
            )
        return self._opened[name]


def with_hosted(wiring: Wiring, file: TaskFile, workspace: Workspace) -> Wiring:
    """The wiring, whose hosted models keep their answers in the workspace and obey the task file's cap."""
    names = [*file.models, *([file.judge.model] if file.judge else [])]
    if not any(hosted_name(name) for name in names):
        return wiring
    return replace(wiring, open_model=Opener(wiring, file, workspace))


def outside_reason(model: Model | None, limits: Limits) -> str | None:
    """Why a hosted model may not be asked here; None where it may, or is no hosted one."""
    if not isinstance(model, HostedModel):
        return None
    if not limits.data_leaves_machine and not model.local:
        return f"limits.data_leaves_machine is false, and {model.info.name} would be sent the rows"
    try:
        return model.missing_key()
    except RungError as error:
        return str(error)


def judge_of(file: TaskFile, wiring: Wiring) -> Judge | None:
    """The judge that the task file names.

    Raises:
        UsageError: it is no language model, or may not be asked here.
    """
    if file.judge is None:
        return None
    model = wiring.open_model(file.judge.model)
    why = outside_reason(model, file.limits)
    if why is None and not isinstance(model, Generator):
        why = f"{file.judge.model} is a model of kind {model.info.kind}, and writes no text"
    if why is not None or not isinstance(model, Generator):
        raise UsageError(
            f"the judge cannot be asked: {why}", remedy="name another model under `judge: model:`, or none"
        )
    return Judge(model, file.judge.rows, file.judge.criteria)


def upload_warnings(file: TaskFile, dataset: Dataset) -> tuple[str, ...]:
    """What the rows hold that should perhaps not leave the machine, one line a kind; nothing where none leaves."""
    names = [*file.models, *([file.judge.model] if file.judge else [])]
    away = [name for name in dict.fromkeys(names) if hosted_name(name) and not HostedModel(name).local]
    if not away or not file.limits.data_leaves_machine:
        return ()
    rows = [*dataset.train, *dataset.validation, *dataset.test]
    found = scan([_sent(row, dataset.task.kind) for row in rows])
    return tuple(
        f"rows sent to {', '.join(away)} hold {one.count:,} x {one.kind}, first at {rows[one.rows[0]].where}: {one.excerpt}"
        for one in found
    )


def _sent(row: Example, kind: TaskKind) -> str:
    """What a prompt may hold of a row: its input, and a text that answers it, as an example or for a judge."""
    answers = references_of(row.output) if kind == "generate" else ()
    return "\n".join([row.input.text, *answers])


def hosted_latency(arm_id: str, seconds: Sequence[float]) -> Latency:
    """Latency of the requests that were made; measuring it again would be paid again."""
    return latency_of_requests(arm_id, seconds)
