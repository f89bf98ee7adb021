"""Writes what the code and the results know into the documents: docs/cli.md, docs/methods.md, the table of keys in
docs/task-file.md, and the figures of README.md that say which committed result they come from.

    python docs/generate.py

tests/test_docs.py fails when a document is not what this writes.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent
START, END = "<!-- keys: written by docs/generate.py -->", "<!-- end of keys -->"

#: A figure and the comment behind it that names its file below benchmarks/results and the key in it.
RESULT = re.compile(r"(?P<shown>-?[\d,]*\.?\d+)(?P<unit> ?%?)\s*<!-- result: (?P<file>\S+) (?P<key>\S+) -->")


def cli_markdown() -> str:
    """Every command with its arguments and options, from the same statements as `--help`."""
    import typer

    from rung.cli.app import app

    group: Any = typer.main.get_command(app)
    parts = [
        "# The commands",
        "<!-- written by docs/generate.py from the commands' own help; do not edit -->",
        "Results go to stdout, progress and messages to stderr. Exit code 0: done; 1: the work failed, or `check` found errors; "
        "2: the request cannot be carried out as it stands; 130: stopped by Ctrl-C (the same command goes on where it stopped).",
    ]
    for name, command in group.commands.items():
        parts += [f"## rung {name}", _paragraphs(command.help), f"    {_usage(name, command)}", _parameters(command)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _usage(name: str, command: Any) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    told = [_metavar(p) if p.required or p.nargs == -1 else f"[{_metavar(p)}]" for p in arguments]
    return " ".join(["rung", name, *told, *(["[OPTIONS]"] if len(command.params) > len(arguments) else [])])


def _metavar(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper())


def _parameters(command: Any) -> str:
    lines = []
    for p in command.params:
        value = "" if p.param_type_name == "option" and p.is_flag else _metavar(p)
        shown = value if p.param_type_name == "argument" else f"{', '.join(p.opts)} {value}".strip()
        default = "" if p.default in (None, False, ()) or callable(p.default) else f" Default: `{p.default}`."
        lines.append(f"| `{shown}` | {p.help}{default} |")
    return "\n".join(["| | |", "|---|---|", *lines]) if lines else ""


def keys_markdown() -> str:
    """The keys of a task file, from its schema."""
    from rung.api import schema

    whole = schema()
    parts = [_keys(whole, whole)]
    for name, part in whole["$defs"].items():
        if name != "MethodSpec":
            parts += [f"### `{_key_of(name, whole)}`", part["description"], _keys(part, whole)]
    return "\n\n".join(parts)


def _key_of(name: str, schema: dict[str, Any]) -> str:
    """The keys whose value is the object called `name`."""
    keys = [key for key, value in schema["properties"].items() if f"/{name}'" in str(value)]
    return "`, `".join(keys)


def _keys(part: dict[str, Any], whole: dict[str, Any]) -> str:
    required = part.get("required", [])
    lines = ["| key | value | default | meaning |", "|---|---|---|---|"]
    for key, value in part["properties"].items():
        default = "**needed**" if key in required else _default(value.get("default"), value)
        meaning = value.get("description") or _linked(value, whole)
        lines.append(f"| `{key}` | {_type(value)} | {default} | {meaning} |")
    return "\n".join(lines)


def _linked(value: dict[str, Any], whole: dict[str, Any]) -> str:
    name = str(value.get("$ref", "")).rpartition("/")[2]
    return str(whole["$defs"][name]["description"])


def _default(default: Any, value: dict[str, Any]) -> str:
    if isinstance(default, list) and default and isinstance(default[0], dict):
        default = [item["method"] for item in default]
    if isinstance(default, list):
        return ", ".join(f"`{item}`" for item in default) or "–"
    if default is None or default == "" or isinstance(default, dict):
        return "see below" if isinstance(default, dict) and "$ref" in value else "–"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _type(value: dict[str, Any]) -> str:
    if "enum" in value:
        return " or ".join(f"`{name}`" for name in value["enum"])
    if "anyOf" in value:
        return " or ".join(_type(option) for option in value["anyOf"] if option.get("type") != "null")
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        return {"DataSource": "file, or mapping", "MethodSpec": "method"}.get(name, "mapping")
    names = {
        "string": "text",
        "integer": "whole number",
        "number": "number",
        "boolean": "true or false",
        "object": "mapping",
    }
    if value.get("type") == "array":
        inner = _type(value.get("items", {}))
        return f"list of {inner}s" if inner else "list"
    return names.get(str(value.get("type")), "")


#: Families of encoders, as `config.json` names them.
FAMILIES = ("bert", "roberta", "distilbert", "deberta", "deberta-v2", "modernbert")
KINDS = {
    "classify": "one label",
    "several": "several labels",
    "pairs": "pairs of texts",
    "scope": "none of these",
    "extract": "entities",
    "generate": "texts",
}


def methods_markdown() -> str:
    """What every method is, and what it cannot do, in its own words: from its `skip_reason` on the contract's toy tasks."""
    from rung.methods import METHODS, method_class

    reasons: list[str] = []
    rows = [_what_it_can(name, reasons) for name in METHODS]
    head = ["method", *KINDS.values(), "families"]
    about = [
        f"- `{name}`: {cls.summary} {f'({cls.reference})' if cls.reference else ''}".rstrip()
        for name in METHODS
        for cls in [method_class(name)]
    ]
    parts = [
        "# The methods",
        "<!-- written by docs/generate.py from the methods themselves; do not edit -->",
        "The ladder, cheapest rung first. Every method keeps the contract of `rung.testing.check_method` on every kind of task and "
        "every family of encoders below, or skips it for a reason that stands in the report, too.",
        "\n".join(about),
        "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)),
        "\n".join(f"{i}. {reason}" for i, reason in enumerate(reasons, 1)),
    ]
    return "\n\n".join(parts) + "\n"


def _what_it_can(name: str, reasons: list[str]) -> list[str]:
    """A row of the table; a reason not met before is put behind the others."""
    from rung.methods import make
    from rung.testing import Cell

    def note(reason: str | None, unless: str = "yes") -> str:
        if reason is None:
            return unless
        if reason not in reasons:
            reasons.append(reason)
        return f"no ({reasons.index(reason) + 1})"

    method: Any = make(name)
    kinds = [note(Cell(method, kind, _described("bert")).reason) for kind in KINDS]
    if not method.model_kinds:
        return [f"`{name}`", *kinds, "no model"]
    refused = {place: Cell(method, "classify", _described(place)).reason for place in FAMILIES}
    told = [f"{place}: {note(reason)}" for place, reason in refused.items() if reason is not None]
    return [f"`{name}`", *kinds, ", ".join(told) or "all"]


def _described(family: str) -> Any:
    """An encoder of a family of which nothing is there but the description, which is all that reasons are made of."""
    from types import SimpleNamespace

    from rung.models.base import ModelInfo

    sizes = {"parameters": 110_000_000, "hidden_size": 768, "layers": 12, "context_length": 512, "vocabulary": 30_000}
    return SimpleNamespace(info=ModelInfo(name=family, kind="encoder", revision="0" * 64, family=family, **sizes))


def with_keys(text: str) -> str:
    """A document with the table of keys written anew between its marks."""
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n\n{keys_markdown()}\n\n{END}{after}"


def value_at(data: Any, key: str) -> Any:
    """The value under a dotted key; in a list, the entry whose `name`, `arm` or `method` is the part, or that number."""
    for part in key.split("."):
        if isinstance(data, list):
            named = [item for item in data if part in (item.get("name"), item.get("arm"), item.get("method"))]
            data = named[0] if named else data[int(part)]
        else:
            data = data[part]
    return data


def with_figures(text: str) -> str:
    """A document with every figure that names its result read from it anew, to as many decimals as it has."""

    def read(match: re.Match[str]) -> str:
        data = json.loads((DOCS.parent / "benchmarks" / "results" / match["file"]).read_text(encoding="utf-8"))
        value = float(value_at(data, match["key"])) * (100 if "%" in match["unit"] else 1)
        decimals = len(match["shown"].partition(".")[2])
        return f"{value:,.{decimals}f}{match['unit']} <!-- result: {match['file']} {match['key']} -->"

    return RESULT.sub(read, text)


def main() -> None:
    """Write the documents."""
    (DOCS / "cli.md").write_text(cli_markdown(), encoding="utf-8")
    (DOCS / "methods.md").write_text(methods_markdown(), encoding="utf-8")
    path = DOCS / "task-file.md"
    path.write_text(with_keys(path.read_text(encoding="utf-8")), encoding="utf-8")
    readme = DOCS.parent / "README.md"
    readme.write_text(with_figures(readme.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
