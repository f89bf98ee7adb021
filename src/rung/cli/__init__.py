"""The command line: `main`. It decides nothing; every command is a function of `rung.api` or `rung.compare`, shown.

app.py       the commands, one short function each     guard.py      errors, Ctrl-C and the log
progress.py  how far it is, live or in plain lines     tables.py     what the commands print
inputs.py    what `predict` reads
"""

from __future__ import annotations

import os
import sys
from typing import TextIO


def main() -> None:
    """Run the command that the arguments name; ends the process with its exit code."""
    # libraries read these when they are imported; threads that wait by spinning slow down every neighbour
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    _survive_odd_characters(sys.stdout)
    _survive_odd_characters(sys.stderr)

    from rung.cli.app import app

    app(prog_name="rung")


def _survive_odd_characters(stream: TextIO) -> None:
    """Write what the terminal's encoding does not have as an escape instead of failing."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
