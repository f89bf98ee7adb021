"""From a task file to a verdict: `compare`, and `predict` with a fitted arm of a comparison.

Importing this loads nothing heavy. arms.py: the plan as named arms; work.py: one arm from fit to record; session.py: the whole
comparison; fitted.py: arms read back from disk; wiring.py: the parts it is put together from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rung.compare.wiring import Wiring
    from rung.evaluation.records import ComparisonRecord
    from rung.evaluation.summary import Verdict
    from rung.events import Events
    from rung.plan import TaskFile
    from rung.task import Input, Prediction
    from rung.workspace import Workspace

__all__ = ["Comparison", "compare", "predict"]


@dataclass(frozen=True)
class Comparison:
    """What `compare` gives back.

    Attributes:
        record: the task and its runs. verdict: what to use, and why. folder: where the fitted arms lie.
    """

    record: ComparisonRecord
    verdict: Verdict
    folder: Path


def compare(  # noqa: PLR0913 the user's plan has that many parts; all but the first have defaults
    task: str | Path | TaskFile,
    *,
    workspace: str | Path | Workspace | None = None,
    out: str | Path | None = None,
    events: Events | None = None,
    models: Sequence[str] | None = None,
    methods: Sequence[Any] | None = None,
    sizes: Sequence[int] | None = None,
    seeds: Sequence[int] | None = None,
    resume: bool = True,
    lanes: int | None = None,
    wiring: Wiring | None = None,
) -> Comparison:
    """Fit every arm of a task's plan, judge all on the same test rows, and say which to use.

    Every run is recorded the moment it is known. The same call again does what is missing: runs that are done are not run
    twice, runs that were skipped or failed are tried anew, a training that was cut off goes on from its last checkpoint.

    Args:
        task: path of a task.yaml, or a `TaskFile` whose paths start at the current folder.
        workspace: where records, caches and fitted arms are kept; default `.rung`, or RUNG_HOME.
        out: folder for report.html, verdict.json and predictions.parquet; None writes no report.
        events: who is told how far it is.
        models, methods, sizes, seeds: in place of the task file's.
        lanes: arms worked on side by side, sharing the cores; default: one for every 4 cores, one below 8 cores and on a GPU.
        resume: False starts a comparison of its own, whatever has been run on the same data.
        wiring: the parts it is put together from; tests bring their own.

    Raises:
        UsageError: the task file, its data, or a name in it cannot be used (nothing has been run then).
        ModelError: a model cannot be opened.
        StorageError: the disk is full, the database or the comparison is in use; what was finished is kept.
    """
    from rung.compare.session import Session, changed
    from rung.compare.wiring import Wiring
    from rung.events import Events
    from rung.workspace import Workspace

    session = Session.open(task, Workspace.of(workspace), events or Events(), wiring or Wiring())
    session = changed(session, models=models, methods=methods, sizes=sizes, seeds=seeds)
    return session.run(resume=resume, out=None if out is None else Path(out), lanes=lanes)


def predict(
    comparison: str,
    inputs: Sequence[str | Input | Mapping[str, str] | Sequence[str]],
    arm: str | None = None,
    *,
    workspace: str | Path | Workspace | None = None,
    wiring: Wiring | None = None,
) -> list[Prediction]:
    """Predictions of a fitted arm, one an input, in order.

    Args:
        comparison: id, name of the task, the beginning of either, or `last`.
        inputs: texts, mappings of named fields, or pairs of texts.
        arm: name or id of an arm, or name of its method; default: the recommended one.

    Raises:
        UnknownNameError: there is no such comparison or arm.
        UsageError: no arm is recommended, or the arm was not fitted.
        ModelError: the fitted arm is missing or damaged, or its base model has other weights.
    """
    from rung.compare.fitted import load_arm
    from rung.compare.wiring import Wiring
    from rung.task import as_input
    from rung.workspace import Workspace

    fitted = load_arm(comparison, arm, Workspace.of(workspace), wiring or Wiring())
    return fitted.predict([as_input(item) for item in inputs])
