"""Rung: fits every way of adapting a language model to your task, compares them honestly, and says which to use.

    import rung

    comparison = rung.compare("task.yaml")
    print(comparison.verdict.headline)
    print(rung.predict("last", ["Where is my parcel?"])[0].output)

Importing the package loads nothing heavy: each name is looked up when it is first used.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rung.api import check, list_comparisons, list_methods, list_models, load, schema, show
    from rung.compare import Comparison, compare, predict
    from rung.errors import RungError
    from rung.events import Event, Events
    from rung.plan import DataSource, Limits, MethodSpec, Prices, TaskFile, read_task_file
    from rung.task import Context, Example, Input, Label, Prediction, Task, as_input

__version__ = "0.1.0"

__all__ = [
    "Comparison",
    "Context",
    "DataSource",
    "Event",
    "Events",
    "Example",
    "Input",
    "Label",
    "Limits",
    "MethodSpec",
    "Prediction",
    "Prices",
    "RungError",
    "Task",
    "TaskFile",
    "as_input",
    "check",
    "compare",
    "list_comparisons",
    "list_methods",
    "list_models",
    "load",
    "predict",
    "read_task_file",
    "schema",
    "show",
]

_HOMES = {
    "rung.api": ("check", "list_comparisons", "list_methods", "list_models", "load", "schema", "show"),
    "rung.compare": ("Comparison", "compare", "predict"),
    "rung.errors": ("RungError",),
    "rung.events": ("Event", "Events"),
    "rung.plan": ("DataSource", "Limits", "MethodSpec", "Prices", "TaskFile", "read_task_file"),
    "rung.task": ("Context", "Example", "Input", "Label", "Prediction", "Task", "as_input"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


class _Package(ModuleType):
    """The package, on which `compare` is the function, also after its module of the same name has been imported."""

    def __getattr__(self, name: str) -> Any:
        if name not in _HOME_OF:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(_HOME_OF[name]), name)
        setattr(self, name, value)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        # the import system binds a submodule to its package once it is loaded
        if name in _HOME_OF and isinstance(value, ModuleType):
            value = getattr(value, name)
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *__all__})


sys.modules[__name__].__class__ = _Package
