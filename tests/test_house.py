"""The house keeps its measures: short files and functions, typed public functions, no import cycles, no path of a machine."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "rung"
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def tracked() -> tuple[Path, ...]:
    """Every file of the repository: those git knows or would add, or all below src, tests, docs where there is no git."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return tuple(ROOT / name for name in done.stdout.splitlines() if (ROOT / name).is_file())
    folders = ("src", "tests", "docs", "examples", "benchmarks")
    return tuple(path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file())


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def python_files(folder: Path = ROOT) -> list[Path]:
    return [path for path in tracked() if path.suffix == ".py" and folder in path.parents]


def functions(path: Path) -> list[FunctionNode]:
    return [node for node in ast.walk(tree_of(path)) if isinstance(node, FunctionNode)]


def length(node: FunctionNode) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_files_are_short() -> None:
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in python_files()}
    assert {str(path.relative_to(ROOT)): n for path, n in lines.items() if n > 400} == {}
    assert statistics.median(n for path, n in lines.items() if SOURCE in path.parents) < 130


def test_functions_are_short() -> None:
    sizes = [(length(node), f"{path.name}:{node.name}") for path in python_files(SOURCE) for node in functions(path)]
    assert [entry for entry in sizes if entry[0] > 60] == []
    assert sorted(size for size, _ in sizes)[int(len(sizes) * 0.9)] <= 35


def test_public_functions_are_typed() -> None:
    missing = []
    for path in python_files(SOURCE):
        for node in functions(path):
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            untyped = [a.arg for a in arguments if a.arg not in ("self", "cls") and a.annotation is None]
            if not node.name.startswith("_") and (untyped or node.returns is None):
                missing.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    assert missing == []


def test_files_say_what_they_are() -> None:
    files = [
        path
        for folder in (SOURCE, ROOT / "examples", ROOT / "benchmarks", ROOT / "recipes")
        for path in python_files(folder)
    ]
    assert [str(path.relative_to(ROOT)) for path in files if not ast.get_docstring(tree_of(path))] == []


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__")


def imports_at_load(path: Path, known: set[str]) -> set[str]:
    """Modules of ours that a module imports while it is loaded; what stands in functions or under TYPE_CHECKING does not count."""
    found: set[str] = set()
    for node in tree_of(path).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (names & known) | ({node.module} if names - known else set())
    return (found & known) - {module_name(path)}


def test_no_module_imports_itself_by_a_detour() -> None:
    files = {module_name(path): path for path in python_files(SOURCE)}
    graph = {name: imports_at_load(path, set(files)) for name, path in files.items()}

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        waiting = list(graph[start])
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                waiting += graph[name]
        return seen

    # `import rung` imports nothing, so that nobody can depend on the package root
    assert graph["rung"] == set()
    assert [name for name in graph if name in reached(name)] == []


def test_no_file_names_a_path_of_a_machine() -> None:
    homes = "|".join(("work", "root", "home/[a-z]", "Users/[A-Z]", "mnt/[a-z]"))
    path_of_a_machine = re.compile(rf"(?<![\w.\-])/(?:{homes})/?[\w.]*/")
    in_a_result = re.compile(rf"(?<![\w.\-])/(?:{homes}|tmp)/")
    found = []
    for path in tracked():
        if path.suffix in {".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".json", ".html", ".css", ".jinja", ""}:
            for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
                pattern = in_a_result if path.parent.name == "results" else path_of_a_machine
                if pattern.search(line):
                    found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}")
    assert found == []


def test_nothing_reads_pickles() -> None:
    forbidden = re.compile(
        r"^\s*(import|from) (pickle|cloudpickle|dill|joblib)\b|torch\.load\(|allow_pickle=True", re.M
    )
    assert [p.name for p in python_files(SOURCE) if forbidden.search(p.read_text(encoding="utf-8"))] == []
