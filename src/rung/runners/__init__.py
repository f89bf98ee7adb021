"""Where arms are run: here, one after another."""

from rung.runners.local import Job, LocalRunner

__all__ = ["Job", "LocalRunner"]
