"""How fitted methods are kept: one JSON record and one safetensors file a folder. Knows no particular method, never a pickle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field, ValidationError

from rung.cache import atomic_write, write_json
from rung.errors import ModelError
from rung.models.base import Model
from rung.task import Frozen, Task

RECORD = "fitted.json"
ARRAYS = "fitted.safetensors"
Arrays = dict[str, np.ndarray]


class BaseModelRef(Frozen):
    """The base model a fitted method stands on."""

    name: str
    revision: str


class FittedRecord(Frozen):
    """What `fitted.json` says.

    Attributes:
        method, knobs: the method and its fields, enough to make it again.
        model: the base model, None for methods without one.
        details: what was chosen; JSON values.
    """

    method: str
    knobs: dict[str, Any]
    task: Task
    model: BaseModelRef | None = None
    details: dict[str, Any] = Field(default_factory=dict)
    validation_score: float | None = None
    trainable_parameters: int = 0


def reference_to(model: Model | None) -> BaseModelRef | None:
    """The record's line about `model`."""
    return None if model is None else BaseModelRef(name=model.info.name, revision=model.info.revision)


def write_fitted(folder: Path, record: FittedRecord, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays, then the record: a folder with a record is whole.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    from safetensors.numpy import save

    folder.mkdir(parents=True, exist_ok=True)
    if arrays:
        with atomic_write(folder / ARRAYS) as handle:
            handle.write(save({name: np.ascontiguousarray(value) for name, value in arrays.items()}))
    write_json(folder / RECORD, record.model_dump(mode="json"))


def read_record(folder: Path) -> FittedRecord:
    """The record in `folder`.

    Raises:
        ModelError: there is none, or it is damaged.
    """
    path = folder / RECORD
    try:
        return FittedRecord.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise ModelError("no fitted method lies here", where=str(path), remedy="fit the arm again") from None
    except (OSError, ValueError, ValidationError) as error:
        raise ModelError(
            f"the record of the fitted method is damaged: {str(error).splitlines()[0]}", where=str(path)
        ) from None


def read_arrays(folder: Path, *names: str) -> Arrays:
    """The arrays kept in `folder`; those in `names` must be among them.

    Raises:
        ModelError: the file is missing, damaged, or lacks one of `names`.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    path = folder / ARRAYS
    try:
        arrays = dict(load_file(path))
    except (OSError, SafetensorError) as error:
        raise ModelError(f"the fitted weights cannot be read: {error}", where=str(path)) from None
    if missing := [name for name in names if name not in arrays]:
        raise ModelError("the fitted weights lack an array", where=str(path), given=", ".join(missing), allowed=names)
    return arrays


def check_base(record: FittedRecord, model: Model | None, folder: Path) -> None:
    """Refuse a base model other than the one the method was fitted on.

    Raises:
        ModelError: no model was given where one is needed, or its weights differ.
    """
    if record.model is None:
        return
    if model is None:
        raise ModelError(f"{record.method} needs its base model {record.model.name}", where=str(folder))
    if model.info.revision != record.model.revision:
        raise ModelError(
            f"{record.method} was fitted on other weights of {record.model.name}",
            where=str(folder),
            given=f"{model.info.name} with sha-256 {model.info.revision[:16]}",
            allowed=f"sha-256 {record.model.revision[:16]}",
            remedy="use the same weights, or fit the arm again",
        )


def sha_of(revision: str | None, arrays: Mapping[str, np.ndarray], *more: object) -> str:
    """sha-256 over the base revision, everything learnt, and JSON values in `more`."""
    digest = hashlib.sha256(json.dumps([revision, more], sort_keys=True, ensure_ascii=False).encode())
    for name in sorted(arrays):
        value = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {value.dtype} {value.shape}".encode())
        digest.update(value.tobytes())
    return digest.hexdigest()
