"""Models: the only seam to weights and networks. `open_model(name)` gives one; `catalogue` says what can be used here."""

from rung.models.catalogue import open_model

__all__ = ["open_model"]
