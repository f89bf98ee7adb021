"""A fitted arm of a comparison, read back from disk and checked to be the one that was judged."""

from __future__ import annotations

from rung.compare.wiring import Wiring
from rung.errors import ModelError, UnknownNameError, UsageError
from rung.evaluation.records import ComparisonRecord, Run
from rung.methods.base import Fitted
from rung.store import Store
from rung.workspace import Workspace


def load_arm(comparison: str, arm: str | None, workspace: Workspace, wiring: Wiring) -> Fitted:
    """The fitted state of an arm (None: the recommended one).

    Raises:
        UnknownNameError: there is no such comparison or arm.
        UsageError: no arm is recommended, or the arm was skipped or failed.
        ModelError: the saved arm is missing, damaged, or not the one that was judged.
    """
    with Store(workspace.store) as store:
        record = store.comparison(comparison)
    run = find_run(record, _recommended(record, wiring) if arm is None else arm)
    folder = workspace.comparison(record.id) / (run.fitted_path or "")
    fitted = wiring.load_fitted(folder, wiring.open_model)
    if fitted.weights_sha != run.weights_sha:
        raise ModelError(
            f"the saved arm {run.arm.name} is not the one that was judged: its weights differ",
            where=str(folder),
            given=fitted.weights_sha[:16],
            allowed=(run.weights_sha or "")[:16],
            remedy="run the comparison anew with --fresh, or restore the folder",
        )
    return fitted


def find_run(record: ComparisonRecord, arm: str) -> Run:
    """The saved run of an arm, by its name, its id, or its method's name where only one arm has that method."""
    runs = [run for run in record.runs if arm in (run.arm.name, run.arm.id)]
    if not runs:
        runs = [run for run in record.runs if run.arm.method == arm]
        if len({run.arm.id for run in runs}) > 1:
            names = sorted({run.arm.name for run in runs})
            raise UsageError(f"{len(names)} arms use the method {arm!r}", allowed=names, remedy="name one of them")
    if not runs:
        remedy = f"see `rung show {record.id}`"
        raise UnknownNameError.nearest("arm", arm, {run.arm.name for run in record.runs}, remedy=remedy)
    saved = next((run for run in runs if run.status == "done" and run.fitted_path), None)
    if saved is None:
        raise UsageError(
            f"the arm {runs[0].arm.name} was not fitted ({runs[0].status}): {runs[0].reason}",
            remedy="choose another arm, or mend the cause and run the comparison again",
        )
    return saved


def _recommended(record: ComparisonRecord, wiring: Wiring) -> str:
    verdict = wiring.recommend(record)
    if verdict.recommended is None:
        raise UsageError(
            f"no arm is recommended: {verdict.headline}",
            allowed=sorted({run.arm.name for run in record.runs if run.status == "done"}),
            remedy="name an arm",
        )
    return verdict.recommended
