"""The state of a training on disk: complete or absent, safetensors and JSON only. Knows no schedule and no method.

A checkpoint is one folder: `state.safetensors` (moving parameters, the best ones so far, optimizer moments) and `state.json`
(counters). It is written beside the old one and renamed into place; the old one goes last. Whatever moment a kill strikes, the
newest complete folder is found again. A state of other code (another version of Rung or torch, another number of
threads) is not taken up: the second half of a training would not be what the first would have gone on to.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import asdict
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rung.cache import storage_error
from rung.models.device import workers

if TYPE_CHECKING:
    import torch

    from rung.training.loop import _Loop


#: Seconds between two checkpoints: what a kill may cost.
EVERY_S = 30.0


class Checkpoints:
    """Keeps the newest state under `folder`, at most every `every_s` seconds (None: `EVERY_S`)."""

    def __init__(self, folder: Path, every_s: float | None = None) -> None:
        self.folder = folder
        self.every_s = EVERY_S if every_s is None else every_s
        self._last = time.monotonic()

    def offer(self, loop: _Loop) -> None:
        """Save the loop's state if it is time to."""
        if time.monotonic() - self._last >= self.every_s:
            self.save(loop)
            self._last = time.monotonic()

    def save(self, loop: _Loop) -> None:
        """Write the loop's state.

        Raises:
            StorageError: the disk is full or the folder cannot be written. The previous checkpoint stays.
        """
        from safetensors.torch import save_file

        final = self.folder / f"step-{loop.progress.step:08d}"
        if final.is_dir() or int(os.environ.get("RANK", "0")):  # of several processes the first one writes
            return
        temporary = self.folder / f".{final.name}.tmp"
        try:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            save_file(_tensors(loop), temporary / "state.safetensors")
            (temporary / "state.json").write_text(
                json.dumps({"progress": asdict(loop.progress), "recipe": loop.recipe.model_dump(), "code": code()})
            )
            temporary.replace(final)
            for old in self._complete()[:-1]:
                shutil.rmtree(old, ignore_errors=True)
        except OSError as error:
            shutil.rmtree(temporary, ignore_errors=True)
            raise storage_error(error, final) from error

    def restore(self, loop: _Loop) -> None:
        """Put the newest complete state into the loop. States that are damaged, of another recipe or other code are removed."""
        import torch
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        from rung.training.loop import Progress

        for folder in reversed(self._complete()):
            try:
                state = json.loads((folder / "state.json").read_text())
                tensors = load_file(folder / "state.safetensors")
            except (OSError, ValueError, SafetensorError):
                state = None
            if state is None or state["recipe"] != loop.recipe.model_dump():
                shutil.rmtree(folder, ignore_errors=True)
                continue
            if state.get("code") != code():
                loop.events.message(_of_other_code(state.get("code") or {}))
                shutil.rmtree(folder, ignore_errors=True)
                continue
            loop.progress = Progress(**state["progress"])
            with torch.no_grad():
                _put(loop, tensors)
            return

    def _complete(self) -> list[Path]:
        return sorted(p for p in self.folder.glob("step-*") if p.is_dir()) if self.folder.is_dir() else []


def code() -> dict[str, str]:
    """What a training's arithmetic depends on beside its recipe: versions, and the number of threads."""
    return {**_versions(), "threads": str(workers())}


@cache
def _versions() -> dict[str, str]:
    found = {}
    for package in ("rung", "torch"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found


def _of_other_code(theirs: dict[str, str]) -> str:
    def said(facts: dict[str, str]) -> str:
        return ", ".join(f"{name} {value}" for name, value in facts.items()) or "an older version"

    return f"a checkpoint ({said(theirs)}) does not go on under {said(code())}: the training begins anew"


def _tensors(loop: _Loop) -> dict[str, torch.Tensor]:
    out: dict[str, Any] = {}
    for name, parameter in loop.subject.module.named_parameters():
        if not parameter.requires_grad:
            continue
        out[f"now/{name}"] = parameter.detach().clone()
        for key, value in loop.step_of.optimizer.state.get(parameter, {}).items():
            out[f"{key}/{name}"] = value.detach().clone()
    for name, value in (loop.best or {}).items():
        out[f"best/{name}"] = value
    return out


def _put(loop: _Loop, tensors: dict[str, torch.Tensor]) -> None:
    best = {name.removeprefix("best/"): value for name, value in tensors.items() if name.startswith("best/")}
    loop.best = best or None
    for name, parameter in loop.subject.module.named_parameters():
        if f"now/{name}" not in tensors:
            continue
        parameter.copy_(tensors[f"now/{name}"])
        state = {
            key: tensors[f"{key}/{name}"] for key in ("step", "exp_avg", "exp_avg_sq") if f"{key}/{name}" in tensors
        }
        loop.step_of.optimizer.state[parameter].update(state)
