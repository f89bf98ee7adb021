"""What `check`, `models`, `methods` and `list` print for people. Computes nothing; fits 80 columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from rung.dataset.audit import Audit
    from rung.dataset.rows import Finding
    from rung.models.catalogue import Listing
    from rung.store import Listed
    from rung.task import Task

LEVELS = {"error": ("✗", "bold red"), "warning": ("!", "yellow"), "note": ("·", "dim")}
LEARNS = {
    "nothing": "nothing",
    "head": "a classifier on top",
    "soft_prompt": "a soft prompt",
    "adapter": "an adapter beside the weights",
    "all": "all weights",
}
PLACES = 3


def show_audit(audit: Audit, console: Console) -> None:
    """Rows, lengths and findings of a task's data."""
    from rich.text import Text

    figures = audit.figures
    console.print(Text.assemble((audit.task.name, "bold"), f": {audit.task.kind}, {_kind(audit.task)}"))
    console.print()
    console.print(_splits(figures))
    console.print()
    for text in _sentences(figures):
        console.print(Text(text))
    console.print()
    for finding in audit.findings:
        console.print(_finding(finding))
    console.print(_summary(audit))


def _kind(task: Task) -> str:
    if task.json_schema is not None:
        return f"JSON under a schema with the fields {', '.join(task.label_names)}"
    if task.kind == "extract":
        return "entities in a text"
    if task.kind == "generate":
        from rung.evaluation.kinds import metric_name, metric_of

        return f"a text, judged by {metric_name(metric_of(task), task)}"
    if task.out_of_scope is not None:
        return f"one label a row, {task.out_of_scope.label!r} for inputs of no class"
    return "several labels a row" if task.multi_label else "one label a row"


def _splits(figures: dict[str, Any]) -> Table:
    table = _table("Split", *(">Rows", ">Used", ">Unusable", ">Kept out", ">Characters", ">Tokens"))
    for name, counts in figures["counts"].items():
        if counts["rows"]:
            sizes = figures["lengths"][name]
            cells = [f"{counts[key]:,}" for key in ("rows", "used", "unusable", "kept_out")]
            table.add_row(name, *cells, _spread(sizes["characters"]), _spread(sizes.get("tokens")))
    return table


def _spread(summary: dict[str, float] | None) -> str:
    return "–" if summary is None else f"{summary['median']:,.0f} (max {summary['max']:,.0f})"


def _sentences(figures: dict[str, Any]) -> list[str]:
    balance = figures["balance"]
    said = _reference_sentences(figures.get("references", {}))
    said = said or [f"{len(figures['labels']):,} {_what(figures, 'fields', 'entity types')}"]
    if balance["ratio"] is not None:
        big, small = balance["largest"], balance["smallest"]
        said[0] += (
            f"; in train the largest is {big['label']} ({big['rows']:,} rows), "
            f"the smallest {small['label']} ({small['rows']:,})"
        )
    said += _entity_sentences(figures.get("entities", {})) + _field_sentences(figures.get("fields", {}))
    limit = figures["lengths"]["train"].get("token_limit")
    if limit is not None:
        cut = sum(sizes.get("truncated", 0) for sizes in figures["lengths"].values())
        said.append(
            f"the model reads {limit:,} tokens; {cut:,} rows are longer"
            if cut
            else f"all rows fit in the model's {limit:,} tokens"
        )
    overlap = figures["overlap"]["train_test"]
    said.append(f"test rows whose input stands in train: {overlap['exact']:,} exactly, {overlap['near']:,} nearly")
    doubles = figures["duplicates"]["train"]
    said.append(f"repeated rows in train: {doubles['exact']:,} exactly, {doubles['near']:,} nearly")
    what = "texts" if "references" in figures else _what(figures, "fields", "entities")
    said.append(f"inputs with different {what}: {figures['conflicts']['inputs']:,}")
    return [text[0].upper() + text[1:] + "." for text in said]


def _what(figures: dict[str, Any], fields: str, entities: str) -> str:
    """What the rows of a task without texts are answered with."""
    return fields if "fields" in figures else entities if "entities" in figures else "labels"


def _field_sentences(fields: dict[str, Any]) -> list[str]:
    return [
        f"{name}: {found['fields']:,} values in fields, {found['per_row']['median']:,} a row (at most {found['per_row']['max']:,})"
        for name, found in fields.items()
        if found["per_row"] is not None
    ]


def _reference_sentences(references: dict[str, Any]) -> list[str]:
    said = []
    for name, found in references.items():
        if found["per_row"] is None:
            continue
        most, words = found["per_row"]["max"], found["words"]
        per_row = "one reference a row" if most == 1 else f"{found['per_row']['min']:,} to {most:,} references a row"
        turns = f"; conversations, with up to {_turns(found)} before the answer" if found["turns"] else ""
        said.append(f"{name}: {per_row}, of {words['median']:,} words (at most {words['max']:,}){turns}")
    return said


def _turns(found: dict[str, Any]) -> str:
    most = found["turns"]["max"]
    return "1 turn" if most == 1 else f"{most:,} turns"


def _entity_sentences(entities: dict[str, Any]) -> list[str]:
    return [
        f"{name}: {found['entities']:,} entities; {found['rows_without']:,} of {rows:,} rows have none"
        for name, found in entities.items()
        if (rows := found["rows_with"] + found["rows_without"])
    ]


def _finding(finding: Finding) -> Table:
    from rich.table import Table
    from rich.text import Text

    mark, style = LEVELS[finding.level]
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text(mark, style=style), Text(finding.message, style=style if finding.level == "error" else ""))
    if finding.places:
        shown = "; ".join(finding.places[:PLACES])
        rest = finding.count - min(PLACES, len(finding.places))
        grid.add_row("", Text(f"{shown}{f'; and {rest:,} more' if rest > 0 else ''}", style="dim"))
    if finding.given:
        grid.add_row("", Text(f"given: {finding.given}", style="dim"))
    if finding.remedy:
        grid.add_row("", Text(f"→ {finding.remedy}", style="dim"))
    return grid


def _summary(audit: Audit) -> str:
    numbers = {level: sum(f.level == level for f in audit.findings) for level in LEVELS}
    said = ", ".join(f"{n} {level}{'' if n == 1 else 's'}" for level, n in numbers.items())
    end = "[bold red]mend the errors first[/]" if audit.errors else "[green]ready to compare[/]"
    return f"{said}: {end}"


def show_models(listings: Sequence[Listing], console: Console) -> None:
    """Models with what they need against what this machine has."""
    from rich.text import Text

    machine = listings[0].machine
    table = _table("Model", ">Parameters", ">Context", "Licence", ">Infer", ">Frozen", ">LoRA", ">Full")
    for listing in listings:
        if listing.info is not None:
            info = listing.info
            memory = [
                Text(_gigabytes(size), style="green" if listing.fits(use) else "red")
                for use, size in listing.memory.items()
            ]
            table.add_row(
                listing.name, _millions(info.parameters), f"{info.context_length:,}", info.licence or "unknown", *memory
            )
    if table.row_count:
        console.print(table)
    for listing in listings:
        if listing.info is None:
            console.print(Text(f"{listing.name}: not usable here: {listing.reason}", style="yellow"))
        else:
            told = ", ".join(listing.info.languages) or "not stated"
            console.print(Text(f"{listing.name}: {listing.info.kind} ({listing.info.family}), languages: {told}"))
    gpu = (
        f", {machine.device_name} with {_gigabytes(machine.device_memory or 0)}" if machine.device_name else ", no GPU"
    )
    console.print(
        Text(
            "Memory in GB at the peak, estimated: for inference, frozen_features, lora and full_finetune; red where it is "
            f"more than is free. This machine: {_gigabytes(machine.free)} GB free of {_gigabytes(machine.memory)}, "
            f"{machine.cores} cores{gpu}; it multiplies in {machine.dtype}.",
            style="dim",
        )
    )
    console.print(Text("Any encoder of the model hub, by its id, or a local folder can be named too.", style="dim"))


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:,.1f}"


def _millions(count: int) -> str:
    return f"{count / 1e6:,.1f} M" if count < 1e9 else f"{count / 1e9:,.1f} B"


def show_methods(ladder: Sequence[dict[str, Any]], console: Console) -> None:
    """The ladder, cheapest rung first."""
    from rich.table import Table
    from rich.text import Text

    for method in ladder:
        console.print(Text.assemble((method["name"], "bold"), f"  learns {LEARNS[method['learns']]}"))
        grid = Table.grid(padding=(0, 1))
        grid.add_column(width=2)
        grid.add_column(overflow="fold")
        grid.add_row("", method["summary"])
        if method["reference"]:
            grid.add_row("", Text(method["reference"], style="dim"))
        knobs = ", ".join(f"{knob['name']}={_default(knob['default'])}" for knob in method["knobs"])
        if knobs:
            grid.add_row("", Text(f"knobs: {knobs}", style="cyan"))
        console.print(grid)
        console.print()
    console.print(Text("What each knob means: `rung methods --json`.", style="dim"))


def _default(value: Any) -> str:
    return "chosen" if value is None else str(value)


def show_list(comparisons: Sequence[Listed], console: Console) -> None:
    """Comparisons of a workspace, the newest first."""
    if not comparisons:
        console.print("no comparisons here yet; make one with `rung compare TASK.yaml`, or try `rung demo`")
        return
    table = _table("Comparison", "Task", "Made", ">Done", ">Skipped", ">Failed")
    for item in comparisons:
        made = item.created_at[:16].replace("T", " ")
        table.add_row(item.id, item.name, made, str(item.done), str(item.skipped), str(item.failed))
    console.print(table)


def _table(*columns: str) -> Table:
    """A table with these headers; `>` in front sets a column to the right."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 2, 0, 0))
    for i, name in enumerate(columns):
        right = name.startswith(">")
        table.add_column(
            name.removeprefix(">"),
            justify="right" if right else "left",
            no_wrap=right,
            overflow="fold" if i == 0 else "ellipsis",
        )
    return table
