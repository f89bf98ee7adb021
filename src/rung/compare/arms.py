"""The plan as arms with names of their own. Opens models for their revision; runs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rung.compare.wiring import Wiring
from rung.evaluation.records import Arm
from rung.methods.base import Method
from rung.plan import TaskFile


@dataclass(frozen=True)
class Planned:
    """An arm with one seed, as it is to be run.

    Attributes:
        method: with its knobs. keep: its fitted state is saved (the first seed's is).
    """

    arm: Arm
    seed: int
    method: Method
    keep: bool

    @property
    def key(self) -> tuple[str, int]:
        """As `Run.key`."""
        return self.arm.id, self.seed

    @property
    def folder(self) -> str:
        """Name of the folder of this arm and seed."""
        return f"{self.arm.id}-{self.seed}"


def planned_runs(file: TaskFile, wiring: Wiring, taken: Mapping[str, str]) -> list[Planned]:
    """Every arm with every seed, in the order of the plan; the same arm named twice is run once.

    Args:
        taken: names already used in this comparison, with the ids of their arms.

    Raises:
        UnknownNameError: a method or model nobody knows. UsageError: a knob that is not allowed.
        ModelError: a model cannot be opened.
    """
    arms: dict[str, tuple[Arm, Method]] = {}
    for method, name in [(wiring.make_method(spec.method, spec.knobs), spec.name) for spec in file.methods]:
        models = _models(method, file, wiring)
        for model in models:
            for size in file.sizes or (None,):
                shown = f"{name or method.name}@{_short(model)}" if model and len(models) > 1 else name or method.name
                arm = _arm(method, shown, model, size, file, wiring)
                arms.setdefault(arm.id, (arm, method))
    named = _unique(arms, taken)
    seeds = tuple(dict.fromkeys(file.seeds))
    return [
        Planned(named[arm_id], seed, method, keep=seed == seeds[0])
        for arm_id, (_, method) in arms.items()
        for seed in seeds
    ]


def _models(method: Method, file: TaskFile, wiring: Wiring) -> list[str | None]:
    """The models a method is tried with: those of a kind it works on; where there are none the first, whose reason is told."""
    if not method.model_kinds:
        return [None]
    names = list(dict.fromkeys(file.models))
    fitting = [name for name in names if method.works_with(file.kind, wiring.open_model(name).info.kind)]
    return [*(fitting or names[:1])]


def _short(model: str) -> str:
    """A model's name in an arm's: of a path the last part, of a hosted model the part behind its address."""
    return model.rpartition("#")[2].rstrip("/").rpartition("/")[2] or model


def _arm(method: Method, name: str, model: str | None, size: int | None, file: TaskFile, wiring: Wiring) -> Arm:
    if len(set(file.sizes)) > 1:
        name += f" n={size}"
    return Arm(
        name=name,
        method=method.name,
        rung=method.rung,
        baseline=method.baseline,
        model=model,
        model_revision=None if model is None else wiring.open_model(model).info.revision,
        knobs=method.model_dump(mode="json"),
        n_train=size,
    )


def _unique(arms: Mapping[str, tuple[Arm, Method]], taken: Mapping[str, str]) -> dict[str, Arm]:
    """The arms by id; where a name means another arm already, the knobs that differ from the defaults join it."""
    owner = dict(taken)
    own_name = {arm_id: name for name, arm_id in taken.items()}
    named = {}
    for arm_id, (arm, method) in arms.items():
        name = arm.name
        if arm_id in own_name and owner.get(name, arm_id) != arm_id:
            name = own_name[arm_id]
        if owner.get(name, arm_id) != arm_id and (knobs := _own_knobs(method)):
            name = f"{arm.name} ({knobs})"
        number = 2
        while owner.get(name, arm_id) != arm_id:
            name, number = f"{arm.name} #{number}", number + 1
        owner[name] = arm_id
        named[arm_id] = arm.model_copy(update={"name": name})
    return named


def _own_knobs(method: Method) -> str:
    fields = type(method).model_fields
    return ", ".join(f"{k}={getattr(method, k)}" for k in fields if getattr(method, k) != fields[k].get_default())
