"""The ladder: one file a method. This file lists the rungs, cheapest first, and makes and loads them by name.

Importing it loads no method: each is imported when it is asked for.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from rung.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from rung.methods.base import Fitted, Method
    from rung.models.base import Model

#: Name to `module:class`, cheapest rung first.
METHODS: Mapping[str, str] = MappingProxyType(
    {
        "majority": "majority:Majority",
        "nearest_example": "nearest_example:NearestExample",
        "zero_shot": "zero_shot:ZeroShot",
        "few_shot": "few_shot:FewShot",
        "reasoning": "reasoning:Reasoning",
        "frozen_features": "frozen_features:FrozenFeatures",
        "head_only": "head_only:HeadOnly",
        "contrastive": "contrastive:Contrastive",
        "prompt_tuning": "prompt_tuning:PromptTuning",
        "p_tuning": "p_tuning:PTuning",
        "prefix_tuning": "prefix_tuning:PrefixTuning",
        "lora": "lora:Lora",
        "full_finetune": "full_finetune:FullFinetune",
    }
)


def method_class(name: str) -> type[Method]:
    """The class of the method called `name`.

    Raises:
        UnknownNameError: nobody knows the name (the nearest is suggested).
    """
    if name not in METHODS:
        raise UnknownNameError.nearest("method", name, METHODS)
    module, _, cls = METHODS[name].partition(":")
    found: type[Method] = getattr(importlib.import_module(f"rung.methods.{module}"), cls)
    return found


def make(name: str, knobs: Mapping[str, Any] | None = None) -> Method:
    """The method called `name` with `knobs`, the rest at their defaults.

    Raises:
        UnknownNameError: nobody knows the name.
        UsageError: a knob that the method does not have, or a value it does not accept.
    """
    from pydantic import ValidationError

    cls = method_class(name)
    try:
        return cls(**(knobs or {}))
    except ValidationError as error:
        raise _knob_error(cls, error) from None


def load_fitted(folder: Path, open_model: Callable[[str], Model]) -> Fitted:
    """The fitted method kept in `folder`; `open_model` finds its base model by name.

    Raises:
        ModelError: the folder is damaged, or the base model's weights are not those it was fitted on.
        UnknownNameError: the method or the base model is not known here.
    """
    from rung.methods.saving import check_base, read_record

    record = read_record(folder)
    cls = method_class(record.method)
    model = None if record.model is None else open_model(record.model.name)
    check_base(record, model, folder)
    return cls.load_with(folder, record.task, model, open_model)


def _knob_error(cls: type[Method], error: Any) -> UsageError:
    """The first thing pydantic found wrong, as the user should read it."""
    first = error.errors()[0]
    knob = str(first["loc"][0]) if first["loc"] else ""
    fields = cls.model_fields
    if first["type"] == "extra_forbidden":
        if not fields:
            return UsageError(f"{cls.name} has no knobs", given=knob, remedy="leave it out")
        return UnknownNameError.nearest(f"knob of {cls.name}", knob, fields)
    return UsageError(
        f"{cls.name} does not accept this value for {knob}",
        given=first.get("input"),
        allowed=first["msg"].removeprefix("Input should be "),
        remedy=fields[knob].description if knob in fields else None,
    )
