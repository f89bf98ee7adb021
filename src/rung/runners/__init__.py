"""Where arms are run: here, one after another or several side by side."""

from rung.runners.local import LocalRunner
from rung.runners.pace import Job, Pace

__all__ = ["Job", "LocalRunner", "Pace"]
