"""YAML text to values that remember their lines. Knows nothing about what the values mean.

Scalars are read as YAML 1.2 reads them: PyYAML follows 1.1, where a label `no` becomes False, `1e-4` a text and `12:30` the number
750. A key given twice is an error, because one of the two values would silently be lost.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import yaml

from rung.errors import TaskFileError


class _Loader(yaml.SafeLoader):
    """SafeLoader with the scalars of YAML 1.2."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^[-+]?(?:0|[1-9][0-9]*)$", list("-+0123456789")),
    (
        "float",
        r"^[-+]?(?:(?:\.[0-9]+|(?:0|[1-9][0-9]*)\.[0-9]*)(?:[eE][-+]?[0-9]+)?|(?:0|[1-9][0-9]*)[eE][-+]?[0-9]+)$",
        None,
    ),
    ("float", r"^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$", list("-+.")),
    ("merge", r"^<<$", ["<"]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first or list("-+.0123456789"))


class YamlText:
    """A parsed YAML text.

    Attributes:
        data: its value.
        name: the file, for messages.

    Raises:
        TaskFileError: not valid YAML, or a key given twice; names the line.
    """

    def __init__(self, text: str, name: str) -> None:
        self.name = name
        try:
            self.data: Any = yaml.load(text, Loader=_Loader)  # a subclass of SafeLoader
            self._root: Any = yaml.compose(text, Loader=_Loader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = f"{name}, line {mark.line + 1}, column {mark.column + 1}" if mark else name
            raise TaskFileError(f"not valid YAML: {error.problem or error.context}", where=where) from None
        except yaml.YAMLError as error:
            at = getattr(error, "position", 0)
            where = f"{name}, line {text.count(chr(10), 0, at) + 1}"
            raise TaskFileError("not valid YAML: it holds a character that is no text", where=where) from None
        except (ValueError, TypeError, RecursionError) as error:
            raise TaskFileError(f"not valid YAML: {error}", where=name) from None
        self._refuse_twice(self._root, set())

    def line_of(self, path: Sequence[str | int]) -> int | None:
        """Line (from 1) of the deepest part of `path` that stands in the text; None where nothing of it does."""
        node, line = self._root, None
        for part in path:
            found = self._step(node, part)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        return line

    def written(self, path: Sequence[str | int]) -> Any:
        """The value at `path` with every scalar as the text that stands there (`1.10` is not 1.1); None where it is null."""
        node = self._root
        for part in path:
            found = self._step(node, part)
            if found is None:
                return None
            node = found[1]
        return _written(node)

    @staticmethod
    def _step(node: Any, part: str | int) -> tuple[Any, Any] | None:
        """Node that has the line, and node of the value, one step down."""
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            return node.value[part], node.value[part]
        if isinstance(node, yaml.MappingNode):
            return next(((k, v) for k, v in node.value if k.value == str(part)), None)
        return None

    def _refuse_twice(self, node: Any, seen: set[int]) -> None:
        if id(node) in seen or not isinstance(node, yaml.CollectionNode):
            return
        seen.add(id(node))
        lines: dict[str, int] = {}
        for item in node.value:
            key, value = item if isinstance(node, yaml.MappingNode) else (None, item)
            if isinstance(key, yaml.ScalarNode):
                line = key.start_mark.line + 1
                if key.value in lines:
                    message = f"the key {key.value!r} is given twice, first on line {lines[key.value]}"
                    raise TaskFileError(message, where=f"{self.name}, line {line}", remedy="remove one of them")
                lines[key.value] = line
            self._refuse_twice(value, seen)


def _written(node: Any) -> Any:
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): _written(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_written(value) for value in node.value]
    is_null = node is None or (node.tag.endswith(":null") and node.value in ("", "~"))
    return None if is_null else str(node.value)
