"""Public contracts that every implementation passes: `check_method`, `check_store`. For our tests and for authors of new ones.

    from rung.testing import check_method
    check_method(MyMethod(), open_model("minilm"))

Needs no pytest: a broken promise raises AssertionError whose message begins with the name of the check.
"""

from rung.testing.fresh import Saved, predict_in_fresh_process
from rung.testing.methods import ROUNDING, assert_same, check_method, check_methods
from rung.testing.store import check_store
from rung.testing.toy import ODD_TEXTS, Toy, toy

__all__ = [
    "ODD_TEXTS",
    "ROUNDING",
    "Saved",
    "Toy",
    "assert_same",
    "check_method",
    "check_methods",
    "check_store",
    "predict_in_fresh_process",
    "toy",
]
