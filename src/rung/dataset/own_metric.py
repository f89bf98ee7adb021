"""The function a task file names as its metric: its source, read and looked through but not run. Knows no rows.

`rung.metrics.own` runs it, when arms are judged.
"""

from __future__ import annotations

import ast
import difflib
from pathlib import Path

from rung.dataset.beside import text_beside
from rung.errors import DataError
from rung.plan import OWN_METRIC, TEXT_METRICS, TaskFile
from rung.task import OwnMetric


def task_metric(file: TaskFile, folder: Path) -> str | OwnMetric | None:
    """What a task is judged by: None for the default of its kind, the name of a metric, or the user's own with its source.

    Raises:
        DataError: the file cannot be read, is no Python, or defines no function of that name.
    """
    match = OWN_METRIC.fullmatch(file.metric or "")
    if match is None:
        # named or not, the default is the same: it must not make another comparison of it
        return None if file.metric == TEXT_METRICS[0] else file.metric
    name, function = match["file"], match["function"]
    source = text_beside(folder, name, "metric")
    try:
        defined = _defined(ast.parse(source))
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        message = f"`metric:` names a file that is not Python: {getattr(error, 'msg', error)}"
        raise DataError(message, where=f"{name}{line}", remedy="mend the file") from None
    if function not in defined:
        near = difflib.get_close_matches(function, defined, n=1, cutoff=0.5)
        remedy = f"did you mean {near[0]!r}?" if near else f"write `def {function}(expected, output, input)` in it"
        message = f"`metric:` names the function {function!r}, which the file does not define"
        raise DataError(message, where=name, allowed=defined or None, remedy=remedy)
    return OwnMetric(file=name, function=function, source=source)


def _defined(tree: ast.Module) -> list[str]:
    """Names that a file defines or imports at its top level."""
    found: list[str] = []
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.append(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found += [alias.asname or alias.name for alias in node.names]
        elif isinstance(node, ast.Assign):
            found += [target.id for target in node.targets if isinstance(target, ast.Name)]
    return found
