"""Public contracts that every implementation passes: `check_method`, `check_store`. For our tests and for authors of new ones.

    from rung.testing import check_method
    check_method(MyMethod(), open_model("minilm"))

Needs no pytest: a broken promise raises AssertionError whose message begins with the name of the check.
"""

from rung.testing.fresh import Saved, predict_in_fresh_process
from rung.testing.methods import Cell, Passed, check_cells, check_method, check_methods
from rung.testing.sound import ROUNDING, assert_same, assert_sound
from rung.testing.store import check_store
from rung.testing.toy import ODD_TEXTS, TOY_KINDS, Toy, ToyKind, toy

__all__ = [
    "ODD_TEXTS",
    "ROUNDING",
    "TOY_KINDS",
    "Cell",
    "Passed",
    "Saved",
    "Toy",
    "ToyKind",
    "assert_same",
    "assert_sound",
    "check_cells",
    "check_method",
    "check_methods",
    "check_store",
    "predict_in_fresh_process",
    "toy",
]
