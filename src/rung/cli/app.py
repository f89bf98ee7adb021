"""The commands, one short function each: read the arguments, call the API, show what it gives. Loads nothing heavy itself."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rung.cli.guard import console, guarded
from rung.cli.inputs import (
    chosen_methods,
    input_columns,
    names,
    numbers,
    predictions_json,
    print_json,
    read_inputs,
)

if TYPE_CHECKING:
    from rung.compare import Comparison

app = typer.Typer(
    name="rung",
    help="Prompt it, ground it, or tune it? Fits every way of adapting a language model to your task, "
    "compares them honestly, and says which to use.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

TaskPath = Annotated[Path, typer.Argument(metavar="TASK.yaml", help="The task file; `rung schema` prints its keys.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON to stdout; progress and messages go to stderr.")]
Out = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Folder for report.html, verdict.json, predictions.parquet.")
]
Home = Annotated[
    str | None,
    typer.Option(metavar="DIR", help="Where records, caches and fitted arms are kept. Default: .rung, or RUNG_HOME."),
]
Name = Annotated[
    str, typer.Argument(metavar="COMPARISON", help="Its id, the name of its task, the beginning of either, or `last`.")
]


class Demo(StrEnum):
    """The tasks that ship with Rung: keys of `rung.api.DEMOS`."""

    SUPPORT = "support"
    EXTRACT = "extract"
    GENERATE = "generate"


def _version(wanted: bool) -> None:
    if wanted:
        from rung import __version__

        typer.echo(f"rung {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Take the options that stand before a command."""


@app.command()
@guarded
def demo(
    task: Annotated[
        Demo,
        typer.Option(
            metavar="NAME",
            help="support: messages, ten labels; extract: reviews, as JSON; generate: advertisements from columns.",
        ),
    ] = Demo.SUPPORT,
    quick: Annotated[bool, typer.Option("--quick", help="Learn from 100 of the training rows only.")] = False,
    out: Out = Path("rung-demo"),
    workspace: Home = None,
    as_json: Json = False,
) -> None:
    """Compare the ways on a small task that ships with Rung; by default 640 support messages, ten labels."""
    from rung.api import DEMOS

    file = DEMOS[task]
    plan = {"sizes": [100]} if quick else {}
    _compare(file, out, workspace, as_json, plan)
    if not as_json:
        after = {
            Demo.SUPPORT: 'support --input "Where is my parcel?"',
            Demo.EXTRACT: 'reviews --input "Cold soup, but what a view."',
            Demo.GENERATE: f"listings --file {file.with_name('test.jsonl')}",
        }
        console(stderr=True).print(f"next: rung predict {after[task]}", soft_wrap=True, markup=False)


@app.command()
@guarded
def compare(  # noqa: PLR0913 one parameter an option
    task: TaskPath,
    out: Out = None,
    methods: Annotated[str | None, typer.Option(metavar="A,B", help="Only these methods; see `rung methods`.")] = None,
    models: Annotated[str | None, typer.Option(metavar="A,B", help="These models; see `rung models`.")] = None,
    sizes: Annotated[str | None, typer.Option(metavar="N,M", help="Total numbers of training examples.")] = None,
    seeds: Annotated[str | None, typer.Option(metavar="N,M", help="Each arm is run once with each seed.")] = None,
    lanes: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Arms worked on side by side. Default: one for every 4 cores."),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start anew instead of going on with what is done.")] = False,
    workspace: Home = None,
    as_json: Json = False,
) -> None:
    """Fit every way of adapting a model to the task, judge all on the same test rows, say which to use.

    Run the same command again after a stop: what is done is not done twice.
    """
    plan: dict[str, Any] = {
        "methods": chosen_methods(task, names(methods)),
        "models": names(models),
        "sizes": numbers(sizes, "sizes"),
        "seeds": numbers(seeds, "seeds"),
        "resume": not fresh,
        "lanes": lanes,
    }
    _compare(task, out, workspace, as_json, plan)


def _compare(task: Path, out: Path | None, workspace: str | None, as_json: bool, plan: dict[str, Any]) -> None:
    from rung.cli.progress import listener
    from rung.compare import compare as run

    with listener(console(stderr=True)) as events:
        comparison = run(task, workspace=workspace, events=events, **plan)
    _show(comparison, out or comparison.folder / "report", as_json)
    if all(run.status != "done" for run in comparison.record.runs):
        raise typer.Exit(1)


def _show(comparison: Comparison, out: Path | None, as_json: bool) -> None:
    """The verdict on stdout; the report's files in `out`, where one is given."""
    from rung.report import render, verdict_json, write

    paths = {} if out is None else write(comparison.record, comparison.verdict, out)
    if as_json:
        print_json(verdict_json(comparison.record, comparison.verdict))
    else:
        render(comparison.record, comparison.verdict, console())
    if paths:
        console(stderr=True).print(f"report: {paths['report.html']}", soft_wrap=True, markup=False)


@app.command()
@guarded
def check(task: TaskPath, as_json: Json = False) -> None:
    """Look at the task's data as a careful colleague would; exit code 1 where there are errors."""
    from rung.api import check as look

    audit = look(task)
    if as_json:
        print_json(audit.to_dict())
    else:
        from rung.cli.tables import show_audit

        show_audit(audit, console())
    if audit.errors:
        raise typer.Exit(1)


@app.command()
@guarded
def models(
    model: Annotated[list[str] | None, typer.Argument(metavar="[MODEL]...", help="Hub ids or folders to add.")] = None,
    as_json: Json = False,
) -> None:
    """The models that can be used here: size, licence, context, languages, and memory against this machine's."""
    from rung.api import list_models

    listings = list_models(model or [])
    if as_json:
        machine = listings[0].machine
        print_json({"machine": {**vars(machine), "usable": machine.usable}, "models": [m.to_dict() for m in listings]})
    else:
        from rung.cli.tables import show_models

        show_models(listings, console())


@app.command()
@guarded
def methods(as_json: Json = False) -> None:
    """The ladder: every method, what is learnt, what it is, and its knobs with defaults."""
    from rung.api import list_methods

    if as_json:
        print_json(list_methods())
    else:
        from rung.cli.tables import show_methods

        show_methods(list_methods(), console())


@app.command(name="list")
@guarded
def list_(workspace: Home = None, as_json: Json = False) -> None:
    """The comparisons of a workspace, the newest first."""
    from rung.api import list_comparisons

    found = list_comparisons(workspace=workspace)
    if as_json:
        print_json([item.model_dump(mode="json") for item in found])
    else:
        from rung.cli.tables import show_list

        show_list(found, console())


@app.command()
@guarded
def show(comparison: Name = "last", out: Out = None, workspace: Home = None, as_json: Json = False) -> None:
    """The verdict of a comparison; with --out also its report, written anew."""
    from rung.api import show as find

    _show(find(comparison, workspace=workspace), out, as_json)


@app.command()
@guarded
def predict(
    comparison: Name,
    arm: Annotated[
        str | None, typer.Argument(help="An arm by name or id, or a method. Default: the recommended.")
    ] = None,
    text: Annotated[str | None, typer.Option("--input", metavar="TEXT", help="One text.")] = None,
    file: Annotated[
        Path | None,
        typer.Option(metavar="F", help="A data file with the task's columns, or a text file, a text a line."),
    ] = None,
    workspace: Home = None,
    as_json: Json = False,
) -> None:
    """Answer with a fitted arm: --input, --file, or a text a line from stdin."""
    from rung.api import load
    from rung.api import show as find
    from rung.task import as_input

    record = find(comparison, workspace=workspace).record
    inputs = [as_input(item) for item in read_inputs(text, file, *input_columns(record), record.task.kind)]
    answers = load(record.id, arm, workspace=workspace).predict(inputs)
    if as_json:
        print_json(predictions_json(record.task, inputs, answers))
        return
    for answer in answers:
        output = answer.output if isinstance(answer.output, str) else ", ".join(answer.output or ())
        sure = "" if answer.confidence is None else f"\t{answer.confidence:.3f}"
        typer.echo(f"{output}{sure}")


@app.command()
@guarded
def schema() -> None:
    """The JSON Schema of task.yaml, for editors and machines."""
    from rung.api import schema as build

    print_json(build())
