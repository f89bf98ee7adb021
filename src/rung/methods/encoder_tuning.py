"""Tuning an encoder with a classification head: what `lora` and `full_finetune` share. Knows neither.

The head starts from a linear probe on the frozen trunk, and trunk and head are then tuned together (LP-FT, Kumar et al. 2022,
arXiv:2202.10054): a head at random would first bend the features it is learning from. Features are the mean over tokens, scaled to
length 1, as the frozen rung uses them.

With validation rows cut from train, a small training set is fitted twice: once to be judged on them, and once more on all rows,
because at ten examples a class the rows held back are worth a point.
"""

from __future__ import annotations

import gc
import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from rung.methods import saving, vectors
from rung.methods.base import Fitted, Kit, Method
from rung.methods.logistic import Linear, Rotated
from rung.methods.vocabulary import UsedVocabulary
from rung.models.base import Encoded, Encoder, Model, TokenRow
from rung.models.device import compute_dtype, device
from rung.task import Context, Example, Input, Prediction, Task
from rung.training import Checkpoints, Progress, Recipe, train

if TYPE_CHECKING:
    import torch

#: Strength of the linear probe that the head starts from.
PROBE_C = 30.0
#: From this many validation rows on they say when to stop. On fewer, the best of some epochs is best by luck, and the end of the
#: schedule, with the whole decay behind it, is the better guess (BANKING77, 10-shot drawn from train, 1,200 other rows of it:
#: 86.8 against 86.5, which is within chance; the rule rests on the argument more than on the figure).
DECIDING_ROWS = 500
#: Up to this many rows a second fit on all rows is worth its time.
REFIT_ROWS = 2000


class EncoderTuning(Method):
    """Base of the rungs that tune an encoder by gradient. Subclasses say what moves."""

    model_kinds: ClassVar[tuple[str, ...]] = ("encoder",)

    learning_rate: float = Field(1e-4, gt=0, description="peak learning rate of the trunk")
    head_learning_rate: float = Field(1e-2, gt=0, description="peak learning rate of the classification head")
    epochs: float | None = Field(
        None, gt=0, description="passes over the training rows; default: by the number of rows"
    )
    batch_size: int = Field(32, ge=1, description="rows a step")
    weight_decay: float = Field(0.01, ge=0, description="AdamW's decoupled weight decay, on matrices")
    warmup: float = Field(0.1, ge=0, lt=1, description="share of the steps in which the learning rate rises")
    patience: int = Field(
        3,
        ge=0,
        description=f"stop after this many epochs without a better validation of {DECIDING_ROWS} rows or more; 0: never",
    )
    refit: Literal["auto", "always", "never"] = Field(
        "auto", description=f"fit once more on training and validation rows; auto: up to {REFIT_ROWS} rows"
    )

    @abstractmethod
    def install(self, trunk: torch.nn.Module) -> torch.nn.Module:
        """The trunk as it is trained: what does not move is frozen, what is added is there."""

    @classmethod
    @abstractmethod
    def learnt(cls, trunk: torch.nn.Module) -> dict[str, torch.Tensor]:
        """What moved, by name: all that has to be kept beside the base model."""

    @abstractmethod
    def assemble(self, trunk: torch.nn.Module, learnt: Mapping[str, torch.Tensor]) -> torch.nn.Module:
        """A fresh trunk with what was learnt in it, for inference."""

    def skip_reason(self, task: Task, model: Model | None, train: Sequence[Example]) -> str | None:
        """See `Method.skip_reason`; a gradient needs at least two rows of two labels."""
        reason = super().skip_reason(task, model, train)
        if reason is None and len({example.output for example in train}) < 2:
            return f"{self.name} needs training rows of at least two labels"
        return reason

    def recipe(self, rows: int, validation: int, seed: int) -> Recipe:
        """The training recipe for `rows` rows: from 8 epochs on a thousand or fewer to 4 on two thousand or more."""
        epochs = self.epochs or min(8.0, max(4.0, 8000 / rows))
        return Recipe(
            learning_rate=self.learning_rate,
            epochs=epochs,
            batch_size=min(self.batch_size, max(1, rows // 4)),
            weight_decay=self.weight_decay,
            warmup=self.warmup,
            patience=self.patience if validation >= DECIDING_ROWS else 0,
            keep="best" if validation >= DECIDING_ROWS else "last",
            seed=seed,
        )

    def fit(
        self,
        task: Task,
        train: Sequence[Example],
        validation: Sequence[Example],
        model: Model | None,
        context: Context,
        kit: Kit,
    ) -> Fitted:
        """Tune on `train`, stopping where validation rows say; see the module's head for when all rows are fitted again."""
        assert isinstance(model, Encoder)
        chosen, progress = self._tuned(task, train, validation, model, kit, "choose", None)
        score = vectors.accuracy(chosen.predict([e.input for e in validation]), validation)
        details: dict[str, Any] = {
            "epochs_run": progress.history[-1]["epoch"] if progress.history else 0,
            "best_step": progress.best_step or progress.step,
            "steps": progress.step,
            "curve": progress.history,
            "tokens": progress.tokens,
            "training_seconds": progress.seconds,
            "stopped": progress.stopped or "all epochs done",
        }
        together = [*train, *validation]
        if validation and kit.refit and self._again(len(together)):
            share = None
            if len(validation) >= DECIDING_ROWS:
                share = (progress.best_step or progress.step) / math.ceil(len(train) / self.batch_size)
            chosen, progress = self._tuned(task, together, (), model, kit, "refit", share)
            details["refit"] = {"rows": len(together), "steps": progress.step, "seconds": progress.seconds}
        chosen.details, chosen.validation_score = details, score
        return chosen

    def _again(self, rows: int) -> bool:
        return self.refit == "always" or (self.refit == "auto" and rows <= REFIT_ROWS)

    def _tuned(
        self,
        task: Task,
        train_rows: Sequence[Example],
        validation: Sequence[Example],
        model: Encoder,
        kit: Kit,
        stage: str,
        stop_epochs: float | None,
    ) -> tuple[FittedEncoder, Progress]:
        recipe = self.recipe(len(train_rows), len(validation), kit.seed)
        if stop_epochs is not None:
            recipe = recipe.model_copy(update={"stop_epochs": stop_epochs})
        probe = self._probe(task, train_rows, model, kit)
        trunk = self._prepared(model, kit.seed).to(device())
        subject = _Subject(task, train_rows, validation, model, trunk, probe, self.head_learning_rate)
        keep = Checkpoints(kit.checkpoints / stage) if kit.checkpoints else None
        start = kit.clock()
        progress = train(subject, recipe, events=kit.events, checkpoints=keep, deadline=kit.deadline, clock=kit.clock)
        now_s = kit.clock() - start
        kit.ledger.charge(max(progress.seconds, now_s), now_s)  # a resumed training is charged what it took before, too
        subject.vocabulary.restore(trunk)
        gc.collect()  # a patched layer and its forward hold each other: optimizer state and copies would linger
        learnt = {name: tensor.detach().cpu().contiguous() for name, tensor in self.learnt(trunk).items()}
        head = {"weight": subject.head.weight.detach().cpu().numpy(), "bias": subject.head.bias.detach().cpu().numpy()}
        moving = sum(p.numel() for p in trunk.parameters() if p.requires_grad) + head["weight"].size + head["bias"].size
        return FittedEncoder(self, task, model, learnt, head, moving), progress

    def _prepared(self, model: Encoder, seed: int) -> Any:
        """The trunk as it is trained; whatever is drawn at random comes from `seed` alone."""
        import torch

        from rung.training.dropout import seeded, without_dropout

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return seeded(self.install(without_dropout(model.trunk(training=True))))

    def _probe(self, task: Task, rows: Sequence[Example], model: Encoder, kit: Kit) -> Linear:
        encoded = kit.features.of(model, [e.input for e in rows], kit.ledger, layers=vectors.LAYERS, events=kit.events)
        features_ND = vectors.unit(encoded.vectors_ND[:, -model.info.hidden_size :])
        wanted_NK = vectors.targets(task, rows)
        no_prior_KD = np.zeros((wanted_NK.shape[1], features_ND.shape[1]), np.float32)
        return Rotated.of(features_ND).solve(wanted_NK, PROBE_C, no_prior_KD, several=task.multi_label)


class _Subject:
    """An encoder and its head as the training loop sees them."""

    def __init__(
        self,
        task: Task,
        rows: Sequence[Example],
        validation: Sequence[Example],
        model: Encoder,
        trunk: Any,
        head: Linear,
        head_rate: float,
    ) -> None:
        import torch

        self.task, self.model, self.trunk, self.head_rate = task, model, trunk, head_rate
        everything = model.token_rows([e.input for e in (*rows, *validation)])
        self.vocabulary = UsedVocabulary(trunk, everything)
        narrow = self.vocabulary.narrow(everything)
        self.rows, self.validation = narrow[: len(rows)], narrow[len(rows) :]
        self.lengths: Sequence[int] = [len(row.ids) for row in self.rows]
        self.targets_NK = torch.from_numpy(vectors.targets(task, rows)).to(device())
        self.expected_NK = vectors.targets(task, validation)
        self.head = torch.nn.Linear(head.weights_KD.shape[1], head.weights_KD.shape[0])
        with torch.no_grad():
            self.head.weight.copy_(torch.from_numpy(head.weights_KD))
            self.head.bias.copy_(torch.from_numpy(head.bias_K))
        self.module: torch.nn.Module = torch.nn.ModuleDict({"trunk": trunk, "head": self.head.to(device())})

    def logits(self, rows: Sequence[TokenRow]) -> torch.Tensor:
        import torch

        features_BD = torch.nn.functional.normalize(self.model.pooled(self.trunk, rows), dim=-1)
        with torch.autocast(device(), enabled=False):
            return torch.nn.functional.linear(features_BD, self.head.weight, self.head.bias)

    def loss(self, rows: Sequence[int]) -> torch.Tensor:
        import torch

        logits_BK = self.logits([self.rows[i] for i in rows])
        wanted_BK = self.targets_NK[list(rows)]
        if self.task.multi_label:
            return torch.nn.functional.binary_cross_entropy_with_logits(logits_BK, wanted_BK, reduction="sum")
        return torch.nn.functional.cross_entropy(logits_BK, wanted_BK.argmax(1), reduction="sum")

    def groups(self, learning_rate: float, weight_decay: float) -> list[dict[str, Any]]:
        table = self.trunk.get_input_embeddings().weight
        moving = [p for p in self.trunk.parameters() if p.requires_grad]
        matrices = [p for p in moving if p.ndim > 1 and p is not table]
        rest = [p for p in moving if p.ndim <= 1 or p is table]
        return [
            {"params": matrices, "lr": learning_rate, "weight_decay": weight_decay},
            {"params": rest, "lr": learning_rate, "weight_decay": 0.0},
            {"params": list(self.head.parameters()), "lr": self.head_rate, "weight_decay": 0.0},
        ]

    def validate(self) -> float | None:
        import torch

        from rung.models.encoder import BATCH_TOKENS, by_length

        if not self.validation:
            return None
        right = 0
        dtype = compute_dtype()
        with torch.inference_mode(), torch.autocast(device(), dtype, enabled=dtype != torch.float32):
            for batch in by_length([len(row.ids) for row in self.validation], BATCH_TOKENS):
                logits_BK = self.logits([self.validation[i] for i in batch]).float().cpu().numpy()
                wanted_BK = self.expected_NK[batch]
                if self.task.multi_label:
                    right += int(((logits_BK > 0) == (wanted_BK > 0)).all(1).sum())
                else:
                    right += int((logits_BK.argmax(1) == wanted_BK.argmax(1)).sum())
        return right / len(self.validation)


class FittedEncoder(Fitted):
    """A tuned encoder with its head.

    Args:
        learnt: what moved in the trunk, float32. head: `weight` (K, D) and `bias` (K) on features of length 1.
    """

    def __init__(
        self,
        method: EncoderTuning,
        task: Task,
        model: Encoder,
        learnt: Mapping[str, torch.Tensor],
        head: Mapping[str, np.ndarray],
        trainable_parameters: int,
    ) -> None:
        self.method, self.task, self.model = method, task, model
        self.learnt, self.head, self.trainable_parameters = dict(learnt), dict(head), trainable_parameters
        self.details: dict[str, Any] = {}
        self.validation_score: float | None = None
        self._module: torch.nn.Module | None = None

    def predict(self, inputs: Sequence[Input]) -> list[Prediction]:
        """Probabilities by softmax (or one sigmoid a label) over the head's logits."""
        if not inputs:
            return []
        encoded = self.model.encode(inputs, module=self.module())
        return vectors.answers(self.task, self._probabilities(encoded), encoded)

    def _probabilities(self, encoded: Encoded) -> np.ndarray:
        logits_NK = vectors.unit(encoded.vectors_ND) @ self.head["weight"].T + self.head["bias"]
        if self.task.multi_label:
            return np.asarray(1 / (1 + np.exp(-logits_NK.astype(np.float64))))
        return vectors.softmax(logits_NK)

    def module(self) -> torch.nn.Module:
        """The trunk as it answers, in the machine's fastest dtype."""
        if self._module is None:
            trunk = self.method.assemble(self.model.trunk(), self.learnt)
            self._module = trunk.to(device=device(), dtype=compute_dtype()).eval().requires_grad_(False)
        return self._module

    def save(self, folder: Path) -> None:
        """Write `learnt.safetensors`, the head and the record."""
        from safetensors.torch import save

        from rung.cache import atomic_write

        folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(folder / "learnt.safetensors") as handle:
            handle.write(save(dict(self.learnt)))
        record = saving.FittedRecord(
            method=self.method.name,
            knobs=self.method.model_dump(mode="json"),
            task=self.task,
            model=saving.reference_to(self.model),
            details=self.details,
            validation_score=self.validation_score,
            trainable_parameters=self.trainable_parameters,
        )
        saving.write_fitted(folder, record, self.head)

    @classmethod
    def read(cls, method: type[EncoderTuning], folder: Path, task: Task, model: Model | None) -> FittedEncoder:
        """What `save` wrote."""
        from safetensors.torch import load_file

        record = saving.read_record(folder)
        saving.check_base(record, model, folder)
        assert isinstance(model, Encoder)
        head = saving.read_arrays(folder, "weight", "bias")
        learnt = load_file(folder / "learnt.safetensors")
        fitted = cls(method.model_validate(record.knobs), task, model, learnt, head, record.trainable_parameters)
        fitted.details, fitted.validation_score = record.details, record.validation_score
        return fitted

    @property
    def weights_sha(self) -> str:
        """sha-256 over base revision, what moved, and the head."""
        arrays = {name: tensor.numpy() for name, tensor in self.learnt.items()} | self.head
        return saving.sha_of(self.model.info.revision, arrays)
