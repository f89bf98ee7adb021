"""Tasks that ship with the package, written by its developers."""
