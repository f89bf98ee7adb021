"""Training: the one gradient loop that serves every tuned rung."""

from rung.training.checkpoints import Checkpoints
from rung.training.loop import Progress, Recipe, Trainable, train

__all__ = ["Checkpoints", "Progress", "Recipe", "Trainable", "train"]
