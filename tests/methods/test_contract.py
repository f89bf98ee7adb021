"""Every registered method passes the public contract, on every kind of task and every family of models, or says why not.

Here in CI every two of method, kind and family meet once; all meet all in `make test-all`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from families import FAMILIES
from pairwise import covering, pairs_of
from rung.methods import METHODS, make, method_class
from rung.models.base import Encoder
from rung.models.encoder import TransformerEncoder
from rung.testing import TOY_KINDS, Cell, check_cells, check_methods
from rung.testing.toy import ToyKind

#: A method's knobs that make it quick, where it has them: the contract is kept after one step, too.
QUICK: dict[str, Any] = {"epochs": 1, "passes": 1, "learning_rate": 1e-3, "vectors": 4, "hidden": 16}
#: Groups of methods, so that a fresh process loads many at once, and a failure does not hide all others.
ENCODED = [name for name in METHODS if not (kinds := method_class(name).model_kinds) or "encoder" in kinds]
ALONE = [name for name in ENCODED if method_class(name).learns in ("nothing", "head")]
TUNED = [name for name in ENCODED if name not in ALONE]
Family = Callable[[str], TransformerEncoder]


def quick(name: str) -> Any:
    """The method with few steps."""
    return make(name, {knob: value for knob, value in QUICK.items() if knob in method_class(name).model_fields})


def grid(names: list[str], family: Family) -> dict[tuple[str, ...], Cell]:
    """All combinations in order; a method without a model meets no family."""
    found: dict[tuple[str, ...], Cell] = {}
    for name in names:
        method = quick(name)
        for kind in TOY_KINDS:
            if not method.model_kinds:
                found[name, kind] = Cell(method, kind, None)
                continue
            for place in FAMILIES:
                found[name, kind, place] = Cell(method, kind, family(place))
    return found


def runs(cells: dict[tuple[str, ...], Cell]) -> list[tuple[str, ...]]:
    """The combinations that are not skipped with a reason."""
    return [key for key, cell in cells.items() if cell.reason is None]


@pytest.mark.parametrize("names", [ALONE, *([name] for name in TUNED)], ids=["alone", *TUNED])
def test_every_two_of_method_kind_and_family(names: list[str], family: Family) -> None:
    cells = grid(names, family)
    everywhere = runs(grid(ENCODED, family))
    chosen = [key for key in covering(everywhere) if key in cells]
    results = check_cells([cells[key] for key in chosen], beats_majority=False)
    assert all("same after loading in a fresh process" in result.checks for result in results)


def test_the_choice_leaves_no_two_apart(family: Family) -> None:
    everywhere = runs(grid(ENCODED, family))
    chosen = covering(everywhere)
    assert set().union(*map(pairs_of, chosen)) == set().union(*map(pairs_of, everywhere))
    assert len(chosen) <= 0.4 * len(everywhere)
    assert {key[0] for key in chosen} == set(ENCODED) and {key[1] for key in chosen} == set(TOY_KINDS)


@pytest.mark.slow
@pytest.mark.parametrize("kind", TOY_KINDS)
@pytest.mark.parametrize("name", ENCODED)
def test_every_method_on_every_kind_and_family(name: str, kind: ToyKind, family: Family) -> None:
    cells = [cell for key, cell in grid([name], family).items() if key[1] == kind]
    for result in check_cells(cells, beats_majority=False):
        assert result.checks or result.skipped


def test_methods_without_gradients_learn_on_minilm(minilm: Encoder) -> None:
    names = [name for name in ALONE if name != "head_only"]
    passed = check_methods([make(name) for name in names], minilm, kinds=("classify",))
    assert all("beats majority" in checks for name, checks in passed.items() if name != "majority")


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in ENCODED if name != "majority"])
def test_every_method_learns_every_kind_on_minilm(name: str, minilm: Encoder) -> None:
    passed = check_methods([make(name)], minilm)[name]
    assert "beats majority" in passed
