"""What models can be used here: opening one by name, and what each needs against what this machine has."""

from __future__ import annotations

from functools import cache

from rung.models import files
from rung.models.base import Model, ModelInfo


@cache
def open_model(name: str) -> Model:
    """The model called `name`: `minilm`, a hub id or a folder. Opened once a process; weights load when first used.

    Raises:
        UnknownNameError: nobody knows the name (the nearest is suggested).
        ModelError: the files are unsafe, damaged or of a kind that is not supported.
    """
    from rung.models.encoder import TransformerEncoder

    return TransformerEncoder(name, files.locate(name))


def built_in() -> list[ModelInfo]:
    """Models that need no network, as far as they are installed."""
    return [open_model(name).info for name in files.BUILT_IN]
