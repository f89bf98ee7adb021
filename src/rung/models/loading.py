"""Loading from a local folder through transformers, quietly, with its many errors turned into one of ours. Knows no family."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rung.errors import ModelError
from rung.models import files


def loaded(what: str, kind: Any, folder: Path, **how: Any) -> Any:
    """`kind.from_pretrained(folder, **how)`, from local files only.

    Raises:
        ModelError: it cannot be loaded; `what` says what it is.
    """
    import transformers

    verbosity = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        return kind.from_pretrained(folder, local_files_only=True, **how)
    except Exception as error:  # transformers raises many kinds here; all mean the same to the user
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(f"the {what} cannot be loaded: {first}", where=str(folder)) from None
    finally:
        transformers.logging.set_verbosity(verbosity)


def tokenizer_of(folder: Path) -> Any:
    """The fast tokenizer in a model folder.

    Raises:
        ModelError: there is none, or it cannot be loaded.
    """
    from transformers import AutoTokenizer

    files.check_tokenizer(folder)
    return loaded("tokenizer", AutoTokenizer, folder, use_fast=True)
