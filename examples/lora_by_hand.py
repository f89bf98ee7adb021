"""LoRA by hand: low-rank adapters on a small BERT, in plain torch, in one flat file. For reading; `rung` does it faster.

    python examples/lora_by_hand.py [EPOCHS [ROWS]]

Hu et al. 2021 (arXiv:2106.09685): a trained weight matrix W (out, in) stays as it is; beside it two thin matrices are learnt,
A (rank, in) and B (out, rank), and the layer computes  x W' + (alpha / rank) x A' B'. B starts at zero, so that training begins
with exactly the model there was. Here the adapters go on all matrices of all layers, and a linear classifier on the mean of the
last hidden states is learnt with them. About a minute on two cores with the default of 3 epochs; ROWS cuts the data short.

Letters in names: N rows, B batch, L tokens, D width, K labels.
"""

import json
import math
import random
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
import transformers

import rung.data
from rung.models.files import locate

RANK, ALPHA, BATCH, EPOCHS = 16, 32.0, 32, 3
RATE, HEAD_RATE, WARMUP = 1e-3, 1e-2, 0.1
torch.manual_seed(0)
transformers.logging.set_verbosity_error()  # it would tell that the pooler, which is not used, was not loaded
transformers.logging.disable_progress_bar()


# --- the adapter -----------------------------------------------------------------------------------------------------


class LoraLinear(torch.nn.Module):
    """A frozen linear layer with a low-rank update beside it."""

    def __init__(self, frozen: torch.nn.Linear) -> None:
        super().__init__()
        self.frozen = frozen
        self.down = torch.nn.Parameter(torch.empty(RANK, frozen.in_features))
        self.up = torch.nn.Parameter(torch.zeros(frozen.out_features, RANK))  # zero: the update starts as nothing
        torch.nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.frozen(x) + (ALPHA / RANK) * (x @ self.down.T @ self.up.T)


# --- data: the demo task; 60 of its 400 training rows are held back to watch progress on -----------------------------

folder = Path(rung.data.__file__).parent / "support"
train, test = (
    [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]
    for name in ("train.jsonl", "test.jsonl")
)
random.Random(0).shuffle(train)
validation, train = train[:60], train[60:]
labels = sorted({row["label"] for row in train})
epochs, cut = int((sys.argv[1:] or [EPOCHS])[0]), int((sys.argv[2:] or [len(train)])[0])
train, test = train[:cut], test[:cut]
place = {label: i for i, label in enumerate(labels)}

# --- model: every linear layer of the trunk replaced by one with an adapter ------------------------------------------

weights = locate("minilm")  # a folder on this machine, its hash verified
tokenizer = transformers.AutoTokenizer.from_pretrained(weights, local_files_only=True)
trunk = transformers.AutoModel.from_pretrained(
    weights, local_files_only=True, add_pooling_layer=False, dtype=torch.float32
)
trunk.requires_grad_(False)
linears = [name for name, module in trunk.named_modules() if isinstance(module, torch.nn.Linear)]
for name in linears:
    parent, _, child = name.rpartition(".")
    owner = trunk.get_submodule(parent)
    setattr(owner, child, LoraLinear(getattr(owner, child)))
head = torch.nn.Linear(trunk.config.hidden_size, len(labels))

adapters = [parameter for parameter in trunk.parameters() if parameter.requires_grad]
moving, all_of_it = sum(p.numel() for p in adapters), sum(p.numel() for p in trunk.parameters())
print(f"{len(linears)} adapters of rank {RANK}: {moving:,} of {all_of_it:,} parameters move ({moving / all_of_it:.1%})")


def logits(rows: list[dict[str, str]]) -> torch.Tensor:
    """Scores (B, K) of some rows."""
    batch = tokenizer([row["text"] for row in rows], padding=True, truncation=True, return_tensors="pt")
    hidden_BLD = trunk(**batch).last_hidden_state
    mask_BL1 = batch["attention_mask"].unsqueeze(-1).float()
    mean_BD = (hidden_BLD * mask_BL1).sum(1) / mask_BL1.sum(1)  # padding must not count
    return head(F.normalize(mean_BD, dim=1) * math.sqrt(mean_BD.shape[1]))


@torch.inference_mode()
def accuracy(rows: list[dict[str, str]]) -> float:
    """Share of rows whose highest score is the right label's."""
    trunk.eval()
    right = 0
    for i in range(0, len(rows), 64):
        part = rows[i : i + 64]
        right += sum(labels[k] == row["label"] for k, row in zip(logits(part).argmax(1).tolist(), part, strict=True))
    return right / len(rows)


# --- training: shuffle, batch, cross-entropy, AdamW; the rate rises for a tenth of the steps and then falls to zero ---

optimizer = torch.optim.AdamW(
    [
        {"params": adapters, "lr": RATE, "weight_decay": 0.01},
        {"params": head.parameters(), "lr": HEAD_RATE, "weight_decay": 0.0},
    ]
)
total = epochs * math.ceil(len(train) / BATCH)
warm = max(1, round(WARMUP * total))
schedule = torch.optim.lr_scheduler.LambdaLR(
    optimizer, lambda step: (step + 1) / (warm + 1) if step < warm else (total - step) / max(1, total - warm)
)
for epoch in range(epochs):
    trunk.train()
    random.Random(epoch).shuffle(train)
    losses = []
    for i in range(0, len(train), BATCH):
        part = train[i : i + BATCH]
        loss = F.cross_entropy(logits(part), torch.tensor([place[row["label"]] for row in part]))
        loss.backward()
        torch.nn.utils.clip_grad_norm_([*adapters, *head.parameters()], 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    print(f"epoch {epoch + 1}: loss {sum(losses) / len(losses):.3f}, validation {accuracy(validation):.1%}")

# --- merging: the update is a matrix like any other, so that inference costs nothing more ----------------------------

before = accuracy(test)
for name in linears:
    layer = trunk.get_submodule(name)
    with torch.no_grad():
        layer.frozen.weight += (ALPHA / RANK) * (layer.up @ layer.down)
    parent, _, child = name.rpartition(".")
    setattr(trunk.get_submodule(parent), child, layer.frozen)
after = accuracy(test)
print(f"test: {before:.1%} with adapters, {after:.1%} with the adapters merged into the weights")
