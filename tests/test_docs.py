"""Documents agree with the code, with pyproject.toml and with the committed results."""

from __future__ import annotations

import importlib.util
import json
import re
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_commands_are_documented_as_they_are(generate: ModuleType) -> None:
    assert read("docs/cli.md") == generate.cli_markdown(), "run `make docs`"


def test_the_methods_are_documented_as_they_are(generate: ModuleType) -> None:
    from families import FAMILIES
    from rung.testing import TOY_KINDS

    assert read("docs/methods.md") == generate.methods_markdown(), "run `make docs`"
    assert tuple(generate.KINDS) == TOY_KINDS, "every kind that the contract tries"
    assert {name.replace("-", "_") for name in generate.FAMILIES} <= set(FAMILIES), "families that the contract tries"


def test_the_keys_are_documented_as_they_are(generate: ModuleType) -> None:
    assert read("docs/task-file.md") == generate.with_keys(read("docs/task-file.md")), "run `make docs`"


def test_the_layers_are_drawn_as_they_are_checked() -> None:
    contracts = tomllib.loads(read("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    layers = [layer.replace("rung.", "") for layer in contracts[0]["layers"]]
    drawn = read("docs/architecture.md").split("<!-- layers -->")[1].split("```")[1].split("\n")
    assert [re.split(r"\s{2,}", line.strip())[0] for line in drawn if line.strip() not in ("", "text")] == layers


def yaml_blocks(text: str) -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", text, re.S)


def test_task_files_in_the_documents_are_allowed(tmp_path: Path) -> None:
    from rung.plan import read_task_file

    blocks = [block for path in DOCUMENTS for block in yaml_blocks(path.read_text(encoding="utf-8"))]
    assert len(blocks) >= 5
    for block in blocks:
        whole = block if "name:" in block.split("\n")[0] else f"name: x\ntrain: a.csv\n{block}"
        (tmp_path / "task.yaml").write_text(whole, encoding="utf-8")
        read_task_file(tmp_path / "task.yaml")


def test_commands_in_the_documents_exist() -> None:
    import typer

    from rung.cli.app import app

    group: Any = typer.main.get_command(app)
    found = set()
    for path in DOCUMENTS:
        for line in re.findall(r"(?:^ *|`)rung ([a-z-][^\n#|`]*)", path.read_text(encoding="utf-8"), re.M):
            name, *words = line.split()
            if path.name == "cli.md" or name.startswith("-"):
                continue
            known = {option for p in group.commands[name].params for option in getattr(p, "opts", [])}
            assert {word for word in words if word.startswith("--")} <= known, f"{path.name}: rung {line}"
            found.add(name)
    assert {"demo", "compare", "check"} <= found


def test_links_between_documents_lead_somewhere() -> None:
    for path in DOCUMENTS:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


def agrees(shown: str, unit: str, value: float) -> bool:
    """Whether a figure as printed is the value, rounded to the decimals that are printed."""
    decimals = len(shown.partition(".")[2])
    exact = value * 100 if "%" in unit else value
    return abs(float(shown.replace(",", "")) - exact) <= 0.5 * 10**-decimals + 1e-9


def unmarked(table: str, result: re.Pattern[str]) -> list[str]:
    """Cells of tables' bodies, the first column aside, that hold a figure without saying where it comes from."""
    lines = table.splitlines()
    pairs = zip(lines, [*lines[1:], ""], strict=True)
    rows = [line for line, below in pairs if line.startswith("|") and not below.startswith("|---")]
    cells = [cell for row in rows for cell in row.strip("|").split("|")[1:]]
    return [cell for cell in cells if re.search(r"\d", result.sub("", cell))]


def test_figures_in_the_readme_are_those_of_the_committed_results(generate: ModuleType) -> None:
    text = read("README.md")
    for match in generate.RESULT.finditer(text):
        data = json.loads((ROOT / "benchmarks" / "results" / match["file"]).read_text(encoding="utf-8"))
        value = generate.value_at(data, match["key"])
        assert agrees(match["shown"], match["unit"], float(value)), f"{match[0]}: the file says {value}"
    assert text.count("<!-- result:") == len(generate.RESULT.findall(text)), "a figure stands right before its comment"
    table = text.split("<!-- results -->")[1].split("<!-- end of results -->")[0]
    assert unmarked(table, generate.RESULT) == []
    assert generate.with_figures(text) == text


def test_a_wrong_figure_would_be_found(generate: ModuleType) -> None:
    data = {"arms": [{"method": "lora", "accuracy": 0.9338}]}
    assert generate.value_at(data, "arms.lora.accuracy") == generate.value_at(data, "arms.0.accuracy") == 0.9338
    assert agrees("93.4", " %", 0.9338) and not agrees("93.3", " %", 0.9338) and agrees("1,234", "", 1234.4)
    assert generate.RESULT.search("| 93.4 % <!-- result: a.json arms.lora.accuracy --> |")
    assert unmarked("| a | b |\n|---|---|\n| 10-shot | 86.3 % |\n", generate.RESULT) == [" 86.3 % "]
    assert unmarked("| a | b |\n|---|---|\n| x | 86.3 % <!-- result: a.json b --> |\n", generate.RESULT) == []
