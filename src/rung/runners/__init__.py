"""Where arms are run."""
