"""What models can be used here: opening one by name, and what each needs against what this machine has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from rung.errors import RungError
from rung.models import files
from rung.models.base import Model, ModelInfo
from rung.models.memory import Machine, needs, this_machine

#: Architectures of encoders (config.json, `model_type`) that are listed when found in the hub's cache.
ENCODERS = frozenset(
    {"bert", "roberta", "distilbert", "xlm-roberta", "camembert", "mpnet", "modernbert", "electra", "deberta-v2"}
)


@cache
def open_model(name: str) -> Model:
    """The model called `name`: `minilm`, a hub id or a folder. Opened once a process; weights load when first used.

    Raises:
        UnknownNameError: nobody knows the name (the nearest is suggested).
        ModelError: the files are unsafe, damaged or of a kind that is not supported.
    """
    return new_model(name)


def new_model(name: str) -> Model:
    """A model of its own, which shares neither tokenizer nor weights with any other; see `open_model`."""
    from rung.models.describe import kind_of
    from rung.models.encoder import TransformerEncoder
    from rung.models.hosted import HostedModel, hosted_name
    from rung.models.language.causal import TransformerCausal
    from rung.models.language.seq2seq import TransformerSeq2Seq

    if hosted_name(name) is not None:
        return HostedModel(name)
    folder = files.locate(name)
    kinds: dict[str, Callable[[str, Path], Model]] = {"causal": TransformerCausal, "seq2seq": TransformerSeq2Seq}
    return kinds.get(kind_of(files.config_of(folder)), TransformerEncoder)(name, folder)


@dataclass(frozen=True)
class Listing:
    """A model that can be used here, or the reason why it cannot.

    Attributes:
        name: what to write under `models:`. info: None where the model cannot be opened, for `reason`.
        memory: estimated peak bytes by use (see `rung.models.memory`).
    """

    name: str
    info: ModelInfo | None
    memory: dict[str, int]
    machine: Machine
    reason: str | None = None

    def fits(self, use: str) -> bool:
        """Whether a use's memory is free on this machine."""
        return self.memory.get(use, 0) <= self.machine.usable

    def to_dict(self) -> dict[str, Any]:
        """The listing as JSON values; `memory` holds for each use the bytes and whether they are free."""
        info = {} if self.info is None else self.info.model_dump(mode="json", exclude={"name"})
        memory = {use: {"bytes": size, "fits": self.fits(use)} for use, size in self.memory.items()}
        return {"name": self.name, "reason": self.reason, **info, "memory": memory}


def survey(names: Sequence[str] = (), machine: Machine | None = None) -> list[Listing]:
    """The models that need no network (built in, or in the hub's cache), and those in `names`.

    Raises:
        RungError: a model in `names` cannot be opened; what cannot be used of the others is listed with its reason.
    """
    machine = machine or this_machine()
    listings = [_listing(name, machine) for name in files.BUILT_IN]
    listings += [_fitting(info, machine) for info in cached_models()]
    known = {listing.name for listing in listings}
    return listings + [_fitting(open_model(name).info, machine) for name in names if name not in known]


def _listing(name: str, machine: Machine) -> Listing:
    try:
        return _fitting(open_model(name).info, machine)
    except RungError as error:
        remedy = f": {error.remedy}" if error.remedy else ""
        return Listing(name, None, {}, machine, f"{error.message}{remedy}")


def _fitting(info: ModelInfo, machine: Machine) -> Listing:
    shares = machine.cores if machine.device == "cpu" else 1
    return Listing(info.name, info, needs(info, dtype=machine.dtype, shares=shares), machine)


def cached_models() -> Iterator[ModelInfo]:
    """Encoders and language models with safetensors weights in the hub's cache on this machine, by name."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    from rung.models.describe import describe, kind_of

    try:
        repositories = scan_cache_dir().repos
    except CacheNotFound:
        return
    for repository in sorted(repositories, key=lambda r: r.repo_id):
        newest = max(repository.revisions, key=lambda r: r.last_modified, default=None)
        if repository.repo_type != "model" or newest is None:
            continue
        folder = Path(newest.snapshot_path)
        try:
            config = files.config_of(folder) if files.weight_files(folder) else {}
            if config.get("model_type") in ENCODERS or kind_of(config) != "encoder":
                yield describe(repository.repo_id, folder)
        except RungError:
            continue  # a damaged download: opening it by name says what is wrong
