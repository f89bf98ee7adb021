"""The Python API: what the commands do, as functions. Everything heavy is imported when it is needed.

`compare` and `predict` come from `rung.compare`; all of it is offered by name on the package itself (`rung.check`, `rung.load`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rung.compare import Comparison
    from rung.dataset.audit import Audit, TokenCounter
    from rung.methods.base import Fitted
    from rung.models.base import Encoder
    from rung.models.catalogue import Listing
    from rung.plan import TaskFile
    from rung.store import Listed
    from rung.task import Input
    from rung.workspace import Workspace

#: The tasks that ship with the package, as `rung demo --task` calls them.
DEMOS = {
    name: Path(__file__).parent / "data" / folder / "task.yaml"
    for name, folder in (("support", "support"), ("extract", "reviews"), ("generate", "listings"))
}
DEMO = DEMOS["support"]


def check(task: str | Path | TaskFile, *, tokens: bool = True) -> Audit:
    """What a careful colleague looks at before training: counts, balance, lengths, duplicates, overlap, conflicts.

    Args:
        task: path of a task.yaml, or a `TaskFile` whose paths start at the current folder.
        tokens: also count tokens as the task's first model reads them, where that model is an encoder on this machine.

    Raises:
        TaskFileError: the task file cannot be used. Problems of the data are findings, never raised.
    """
    from rung.dataset.audit import audit
    from rung.plan import TaskFile, read_task_file

    file = task if isinstance(task, TaskFile) else read_task_file(task)
    folder = Path() if isinstance(task, TaskFile) else Path(task).parent
    counter, limit = _token_counter(file.models[0]) if tokens else (None, None)
    return audit(file, folder, count_tokens=counter, token_limit=limit)


def _token_counter(name: str) -> tuple[TokenCounter | None, int | None]:
    """How the model called `name` counts tokens, and how many it reads; None where it cannot be opened."""
    from rung.errors import RungError
    from rung.models import open_model
    from rung.models.base import Encoder

    try:
        model = open_model(name)
    except RungError:
        return None, None
    if not isinstance(model, Encoder):
        return None, None
    return lambda inputs: _count(model, inputs), model.info.context_length


def _count(model: Encoder, inputs: Sequence[Input]) -> list[int]:
    sizes = [0] * len(inputs)
    for pair in (False, True):
        chosen = [i for i, item in enumerate(inputs) if item.pair is pair]
        if chosen:
            texts = [inputs[i].segments for i in chosen]
            second = [text[1] for text in texts] if pair else None
            ids = model.tokenizer([text[0] for text in texts], second, truncation=False, verbose=False)["input_ids"]
            for i, row in zip(chosen, ids, strict=True):
                sizes[i] = len(row)
    return sizes


def load(
    comparison: str = "last", arm: str | None = None, *, workspace: str | Path | Workspace | None = None
) -> Fitted:
    """A fitted arm of a comparison, ready to predict; loaded once for many calls.

    Args:
        comparison: id, name of the task, the beginning of either, or `last`.
        arm: name or id of an arm, or name of its method; default: the recommended one.

    Raises:
        UnknownNameError: there is no such comparison or arm.
        UsageError: no arm is recommended, or the arm was not fitted.
        ModelError: the fitted arm is missing or damaged, or its base model has other weights.
    """
    from rung.compare.fitted import load_arm
    from rung.compare.wiring import Wiring
    from rung.workspace import Workspace

    return load_arm(comparison, arm, Workspace.of(workspace), Wiring())


def show(comparison: str = "last", *, workspace: str | Path | Workspace | None = None) -> Comparison:
    """A comparison as it was recorded, with the verdict its runs lead to.

    Raises:
        UnknownNameError: there is no such comparison.
    """
    from rung.compare import Comparison
    from rung.recommend import recommend
    from rung.store import Store
    from rung.workspace import Workspace

    place = Workspace.of(workspace)
    with Store(place.store) as store:
        record = store.comparison(comparison)
    return Comparison(record, recommend(record), place.comparison(record.id))


def list_comparisons(*, workspace: str | Path | Workspace | None = None) -> list[Listed]:
    """All comparisons of a workspace, the newest first; none where there is no workspace yet."""
    from rung.store import Store
    from rung.workspace import Workspace

    place = Workspace.of(workspace)
    if isinstance(place.store, Path) and not place.store.exists():
        return []
    with Store(place.store) as store:
        return store.list_comparisons()


def list_models(names: Sequence[str] = ()) -> list[Listing]:
    """The models that can be used without a network, and those in `names`, with what they need in memory.

    Raises:
        RungError: a model in `names` cannot be opened.
    """
    from rung.models.catalogue import survey

    return survey(names)


def list_methods() -> list[dict[str, Any]]:
    """The ladder, cheapest rung first: name, rung, what is learnt, summary, reference, model kinds, and knobs with defaults."""
    from rung.methods import METHODS, method_class

    ladder = []
    for cls in map(method_class, METHODS):
        knobs = [
            {
                "name": name,
                "default": field.get_default(),
                "type": _type_name(field.annotation),
                "help": field.description,
            }
            for name, field in cls.model_fields.items()
        ]
        ladder.append(
            {
                "name": cls.name,
                "rung": cls.rung,
                "baseline": cls.baseline,
                "learns": cls.learns,
                "summary": cls.summary,
                "reference": cls.reference,
                "model_kinds": list(cls.model_kinds),
                "knobs": knobs,
            }
        )
    return ladder


def _type_name(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation).replace("typing.", "")


def schema() -> dict[str, Any]:
    """The JSON Schema of task.yaml."""
    from rung.plan import TaskFile

    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **TaskFile.model_json_schema()}
