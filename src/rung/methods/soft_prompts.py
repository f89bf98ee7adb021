"""What soft prompts share: words to start from, a frozen trunk around which they stand, and the words they end nearest to.

Knows none of the methods. A soft prompt is a few vectors that are trained in place of words; the trunk stays as it is and is
shared by all of them. It starts from the words of the task (Lester et al. 2021, section 3.2: from class labels it is best).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from rung.methods.base import Learns
from rung.methods.encoder_tuning import EncoderTuning
from rung.methods.fitted_encoder import FittedByGradient
from rung.methods.heads import Head
from rung.methods.nearest_words import nearest
from rung.methods.vectors import words
from rung.models.base import Encoder, Model
from rung.task import Example, Task

if TYPE_CHECKING:
    import torch

#: Name of the prompt among what was learnt.
PROMPT = "prompt"
#: Tokens of the context that must be left for the text.
LEAST_TEXT = 16


class SoftPromptTuning(EncoderTuning):
    """Base of the soft prompts. Subclasses say where the prompt stands and what it is made from."""

    learns: ClassVar[Learns] = "soft_prompt"

    learning_rate: float | None = Field(
        None, gt=0, description="peak learning rate of the prompt; null: searched on validation rows"
    )
    weight_decay: float = Field(0.0, ge=0, description="AdamW's decoupled weight decay, on matrices")
    vectors: int = Field(16, ge=1, le=512, description="number of vectors of the prompt")

    @abstractmethod
    def made_from(self, trunk: Any, word_ids: Sequence[int], model: Encoder) -> torch.nn.Module:
        """What makes the prompt, and at first makes it of these words: see `Prompted`."""

    @abstractmethod
    def read(self, fitted: FittedByGradient) -> tuple[str, list[list[dict[str, Any]]]]:
        """The space in which the prompt is compared with words, and each vector's nearest words there."""

    def skip_reason(self, task: Task, model: Model | None, train: Sequence[Example]) -> str | None:
        """See `Method.skip_reason`; a text must have room beside the prompt."""
        reason = super().skip_reason(task, model, train)
        if reason is None and model is not None and model.info.context_length - self.reserved < LEAST_TEXT:
            return (
                f"{self.name} with {self.vectors} vectors leaves a text fewer than {LEAST_TEXT} of the "
                f"{model.info.context_length} tokens that {model.info.name} reads; set vectors lower"
            )
        return reason

    def install(self, trunk: torch.nn.Module, head: Head) -> torch.nn.Module:
        """The trunk frozen, the prompt around it."""
        from rung.models.prompted import Prompted

        trunk.requires_grad_(False)
        return Prompted(trunk, self.made_from(trunk, start_words(head, self.vectors), head.model))

    @classmethod
    def learnt(cls, trunk: torch.nn.Module) -> dict[str, torch.Tensor]:
        """The prompt as it is read, whatever made it."""
        import torch

        with torch.no_grad():
            made: torch.Tensor = trunk.get_submodule("prompt")()
        return {PROMPT: made.clone()}

    def assemble(self, model: Encoder, learnt: Mapping[str, torch.Tensor]) -> torch.nn.Module:
        """The model's one trunk for inference, the prompt around it."""
        from rung.models.prompted import Prompted, Vectors
        from rung.models.sharing import ready

        prompt = Vectors(ready(learnt, PROMPT)).requires_grad_(False)
        return Prompted(model.shared(), prompt, shared=True).eval()

    def report(self, fitted: FittedByGradient) -> dict[str, Any]:
        """What words the prompt's vectors are near to. People cannot read it: near in space is not alike in effect."""
        space, found = self.read(fitted)
        return {"soft_prompt": {"vectors": self.vectors, "readable": False, "nearest": found, "space": space}}


class WordPrompt(SoftPromptTuning):
    """Base of the soft prompts that stand before the text like words."""

    @property
    def reserved(self) -> int:
        """Every vector takes the place of a token."""
        return self.vectors

    def read(self, fitted: FittedByGradient) -> tuple[str, list[list[dict[str, Any]]]]:
        """Among the model's word embeddings."""
        trunk: Any = fitted.model.shared()
        embedded_VD = trunk.get_input_embeddings().weight
        prompt_PD = fitted.learnt[PROMPT].to(embedded_VD.device)
        found = nearest(prompt_PD, fitted.model.tokenizer, lambda ids: embedded_VD[ids])
        return "word embeddings of the model", found


def start_words(head: Head, count: int) -> list[int]:
    """`count` tokens: of the instruction, of labels' names, of their descriptions; over again where they are too few."""
    task, tokenizer = head.task, head.model.tokenizer
    texts = [
        task.instruction,
        *(words(label.name) for label in task.labels),
        *(label.description for label in task.labels),
    ]
    unknown = tokenizer.unk_token_id
    for text in (" ".join(filter(None, texts)), words(task.name)):
        ids = [token for token in tokenizer(text, add_special_tokens=False)["input_ids"] if token != unknown]
        if ids:
            return list(islice(cycle(ids), count))
    return [tokenizer.sep_token_id or 0] * count
