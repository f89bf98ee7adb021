"""The training loop: Muon on the matrices, AdamW on the rest, warm-up, a long plateau, and a fall to zero over the last part.

The model computes in bfloat16 where the machine multiplies it; master weights and moments are float32. A checkpoint is one
safetensors file with all of it and the step's number; a training that goes on from it ends with the same weights, bit for bit, on
a CPU. Muon: Jordan et al. 2024; the schedule: Hu et al. 2024 (MiniCPM), section 4.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from settings import Settings
from windows import Batch, Windows

Report = Callable[[dict[str, float]], None]


class Learner:
    """A model with its optimizers.

    Args:
        model: float32, on the device it is trained on; its forward pass runs in `dtype`.
    """

    def __init__(self, model: Any, settings: Settings, dtype: torch.dtype) -> None:
        self.model, self.settings, self.dtype = model, settings, dtype
        self.device = next(model.parameters()).device
        self.masters = {name: p.detach().clone().float() for name, p in model.named_parameters()}
        model.to(dtype)
        if self.device.type == "cuda":
            model.model.compile()  # in place: names stay as they are
        self.working = dict(model.named_parameters())
        matrices = [m for name, m in self.masters.items() if m.ndim == 2 and "embed" not in name]
        others = [m for name, m in self.masters.items() if m.ndim != 2 or "embed" in name]
        for master in self.masters.values():
            master.requires_grad_(True)
        self.muon = torch.optim.Muon(
            matrices, lr=settings.muon_rate, weight_decay=0.01, momentum=0.95, adjust_lr_fn="original"
        )
        self.adam = torch.optim.AdamW(others, lr=settings.adam_rate, betas=(0.9, 0.95), weight_decay=0.0)
        self.step = 0

    def rate(self, step: int) -> float:
        """Share of the peak learning rate at a step: up in a straight line, level, down to a fiftieth."""
        settings = self.settings
        if step < settings.warmup:
            return (step + 1) / settings.warmup
        if step < settings.last_from:
            return 1.0
        return max(0.02, 1 - (step - settings.last_from + 1) / max(1, settings.steps - settings.last_from))

    def loss(self, batch: Batch) -> torch.Tensor:
        """Weighted loss summed over the tokens of a pass; logits only where a weight is."""
        ids_BT, weights_BL = batch.ids_BT.to(self.device), batch.weights_BL.to(self.device)
        hidden_BLD = self.model.model(input_ids=ids_BT[:, :-1], use_cache=False).last_hidden_state
        kept = weights_BL.reshape(-1) > 0
        wanted_N = ids_BT[:, 1:].reshape(-1)[kept]
        weights_N = weights_BL.reshape(-1)[kept]
        logits_NV = self.model.lm_head(hidden_BLD.reshape(-1, hidden_BLD.shape[-1])[kept])
        losses_N = torch.nn.functional.cross_entropy(logits_NV.float(), wanted_N, reduction="none")
        return (losses_N * weights_N).sum()

    def update(self, batches: list[Batch]) -> float:
        """One optimizer step over some passes; the mean loss."""
        total = sum(float(batch.weights_BL.sum()) for batch in batches)
        summed = 0.0
        for batch in batches:
            loss = self.loss(batch)
            (loss / total).backward()
            summed += float(loss.detach())
        share = self.rate(self.step)
        for name, master in self.masters.items():
            master.grad = self.working[name].grad.float()
            self.working[name].grad = None
        torch.nn.utils.clip_grad_norm_(list(self.masters.values()), 1.0)
        for optimizer, peak in ((self.muon, self.settings.muon_rate), (self.adam, self.settings.adam_rate)):
            for group in optimizer.param_groups:
                group["lr"] = peak * share
            optimizer.step()
        with torch.no_grad():
            for name, master in self.masters.items():
                master.grad = None
                self.working[name].copy_(master)
        self.step += 1
        return summed / total

    def state(self) -> dict[str, torch.Tensor]:
        """All that a checkpoint holds."""
        found = {f"master.{name}": master.detach().cpu() for name, master in self.masters.items()}
        for kind, optimizer in (("muon", self.muon), ("adam", self.adam)):
            for number, state in optimizer.state_dict()["state"].items():
                for key, value in state.items():
                    found[f"{kind}.{number}.{key}"] = torch.as_tensor(value).detach().cpu().clone()
        return found

    def restore(self, state: dict[str, torch.Tensor], step: int) -> None:
        """Take up what `state` gave."""
        with torch.no_grad():
            for name, master in self.masters.items():
                master.copy_(state[f"master.{name}"])
                self.working[name].copy_(master)
        for kind, optimizer in (("muon", self.muon), ("adam", self.adam)):
            whole = optimizer.state_dict()
            whole["state"] = {}
            for key, value in state.items():
                if key.startswith(f"{kind}."):
                    _, number, field = key.split(".", 2)
                    whole["state"].setdefault(int(number), {})[field] = value.to(self.device)
            optimizer.load_state_dict(whole)
        self.step = step


def save_checkpoint(learner: Learner, folder: Path, curve: list[dict[str, float]]) -> None:
    """Write `checkpoint.safetensors` in one move: a kill leaves the one before."""
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / "checkpoint.safetensors.tmp"
    note = {"step": str(learner.step), "curve": json.dumps(curve), "settings": json.dumps(learner.settings.to_dict())}
    save_file(learner.state(), unfinished, metadata=note)
    with unfinished.open("rb+") as handle:
        os.fsync(handle.fileno())
    unfinished.replace(folder / "checkpoint.safetensors")


def load_checkpoint(learner: Learner, folder: Path) -> list[dict[str, float]]:
    """Take up a checkpoint if there is one, and return its loss curve.

    Raises:
        SystemExit: it was made under other settings.
    """
    from safetensors import safe_open

    path = folder / "checkpoint.safetensors"
    if not path.exists():
        return []
    with safe_open(path, "pt") as handle:
        note = handle.metadata()
    before, now = json.loads(note["settings"]), json.loads(json.dumps(learner.settings.to_dict()))
    changed = sorted(key for key in now if before.get(key) != now[key] and key not in ("checkpoint_s", "judge_rows"))
    if changed:
        raise SystemExit(f"{path} was made with other settings ({', '.join(changed)}); move it away to begin anew")
    learner.restore(load_file(path), int(note["step"]))
    curve: list[dict[str, float]] = json.loads(note["curve"])
    return curve


def train(
    learner: Learner, windows: Windows, folder: Path, workers: int, minutes: float | None, report: Report
) -> list[dict[str, float]]:
    """Train to the end of the schedule, or for some minutes, from the last checkpoint on; the loss curve, every ten steps."""
    curve = load_checkpoint(learner, folder)
    began = kept_at = time.monotonic()
    at_first = learner.step
    passes = range(windows.first_pass(learner.step), len(windows))
    loader = torch.utils.data.DataLoader(
        windows, batch_size=None, sampler=list(passes), num_workers=workers, prefetch_factor=4 if workers else None
    )
    pending: list[Batch] = []
    recent: list[float] = []
    for number, batch in zip(passes, loader, strict=True):
        pending.append(Batch(*batch))
        place = windows.places[number]
        if place[2] < place[0].windows:
            continue
        recent.append(learner.update(pending))
        pending = []
        now = time.monotonic()
        if learner.step % 10 == 0 or learner.step == learner.settings.steps:
            speed = (learner.step - at_first) * learner.settings.step_tokens / (now - began)
            point = {"step": learner.step, "loss": sum(recent) / len(recent), "tokens_per_second": round(speed)}
            recent = []
            curve.append(point)
            report(point)
        late = minutes is not None and now - began > minutes * 60
        if late or now - kept_at > learner.settings.checkpoint_s or learner.step == learner.settings.steps:
            save_checkpoint(learner, folder, curve)
            kept_at = time.monotonic()
        if late:
            break
    return curve
