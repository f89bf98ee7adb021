"""The rungs that ask a language model keep the contract of methods, on every kind of task and by every way of reading prompts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from language_families import build_language, in_float32
from rung.methods.few_shot import FewShot
from rung.methods.zero_shot import ZeroShot
from rung.models.catalogue import open_model
from rung.testing import TOY_KINDS, check_methods
from rung.testing.toy import ToyKind

#: Family to the kinds it is tried on: turns of a conversation, one text, an encoder before the decoder.
KINDS: dict[str, tuple[ToyKind, ...]] = {
    "qwen2": ("classify", "generate"),
    "gpt2": ("pairs", "scope", "extract"),
    "t5": ("classify", "several"),
}
#: Random models say nothing worth more tokens.
FEW_TOKENS = 12


@pytest.fixture(autouse=True, scope="module")
def exact() -> Iterator[None]:
    with in_float32():
        yield


@pytest.mark.parametrize("family", KINDS)
def test_prompted_rungs_keep_the_contract(family: str, tmp_path: Path, tiny_folder: Path) -> None:
    methods = [
        ZeroShot(max_tokens=FEW_TOKENS),
        FewShot(shots=3, encoder=str(tiny_folder), max_tokens=FEW_TOKENS, calibrate=family != "t5" or None),
    ]
    model = open_model(str(build_language(family, tmp_path)))
    passed = check_methods(methods, model, kinds=KINDS[family], beats_majority=False)
    for names in passed.values():
        assert not any(name.startswith("says why not") for name in names), "every kind is tried"
        assert sum(name.startswith("same after loading in a fresh process") for name in names) == len(KINDS[family])


def test_every_kind_is_met() -> None:
    met: set[Sequence[str]] = set().union(*KINDS.values())
    assert met == set(TOY_KINDS)
