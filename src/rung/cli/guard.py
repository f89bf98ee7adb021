"""How a command ends: errors for people, exit codes for machines, tracebacks in a log. Knows no particular command."""

from __future__ import annotations

import functools
import inspect
import logging
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, ParamSpec, TypeVar

import typer

from rung.errors import RungError

if TYPE_CHECKING:
    from rich.console import Console

P = ParamSpec("P")
R = TypeVar("R")

STOPPED = 130  # 128 + SIGINT, as shells report it


def console(*, stderr: bool = False) -> Console:
    """A console for results (stdout) or messages (stderr). Numbers and paths are not coloured: colour has a meaning here."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=False)


def guarded(command: Callable[P, R]) -> Callable[P, R]:
    """A command that ends as its errors say, and never with a traceback on the terminal."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        folder = _workspace(kwargs.get("workspace"))
        _keep_log(folder)
        try:
            return command(*args, **kwargs)
        except (typer.Exit, typer.Abort, BrokenPipeError):
            raise  # typer knows what these mean
        except KeyboardInterrupt:
            _stopped()
        except RungError as error:
            _log_unexpected(logging.DEBUG)
            show_error(error)
            raise typer.Exit(error.exit_code) from None
        except Exception as error:
            _unexpected(error, folder)

    run.__signature__ = inspect.signature(command, eval_str=True)  # type: ignore[attr-defined]
    return run


def show_error(error: RungError) -> None:
    """Print what is wrong, where, what was given, what is allowed, and what to do."""
    from rich.table import Table
    from rich.text import Text

    out = console(stderr=True)
    out.print(Text.assemble(("Error: ", "bold red"), (error.message, "bold")))
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    for name, text in [("where", error.where), *error.parts()]:
        if text:
            grid.add_row(Text(f"  {name}"), Text(text))
    if grid.row_count:
        out.print(grid)


def _stopped() -> NoReturn:
    from rich.text import Text

    console(stderr=True).print(Text("stopped; run the same command again to go on", style="yellow"))
    raise typer.Exit(STOPPED)


def _unexpected(error: Exception, folder: Path) -> NoReturn:
    from rich.text import Text

    place = _log_unexpected(logging.ERROR) or _elsewhere()
    text = str(error).strip().split("\n")[0]
    said = f"{type(error).__name__}: {text}" if text else type(error).__name__
    out = console(stderr=True)
    out.print(Text.assemble(("Error: ", "bold red"), ("an unexpected error, which is a bug in Rung: ", "bold"), said))
    out.print(Text(f"  the traceback is in {place}; please report it"), soft_wrap=True)
    raise typer.Exit(1)


def _workspace(given: object) -> Path:
    from rung.workspace import Workspace

    return Workspace.of(given if isinstance(given, (str, Path)) else None).folder


def _keep_log(folder: Path) -> None:
    """Send what `rung` logs to `rung.log` in the workspace, which is made when there is something to write."""
    log = logging.getLogger("rung")
    for old in list(log.handlers):
        log.removeHandler(old)
        old.close()
    log.addHandler(_LogFile(folder / "rung.log"))
    log.setLevel(logging.DEBUG)
    log.propagate = False


class _LogFile(logging.Handler):
    """Appends records to a file in a folder that may not exist yet, and writes nothing where that folder cannot be written."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.written = False
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            # a command that failed before it had anything to keep leaves no workspace behind
            if record.levelno < logging.ERROR and not self.path.parent.is_dir():
                return
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8", errors="backslashreplace") as handle:
                handle.write(self.format(record) + "\n")
            self.written = True
        except OSError:
            self.written = False


def _log_unexpected(level: int) -> Path | None:
    """Log the error at hand with its traceback; the place of the log, or None where it cannot be written."""
    log = logging.getLogger("rung")
    log.log(level, "%s", " ".join(sys.argv), exc_info=True)
    file = next((h for h in log.handlers if isinstance(h, _LogFile)), None)
    return file.path if file is not None and file.written else None


def _elsewhere() -> Path:
    """A file with the traceback in the system's temporary folder."""
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="rung-", suffix=".log", delete=False, encoding="utf-8") as handle:
        handle.write(traceback.format_exc())
    return Path(handle.name)
