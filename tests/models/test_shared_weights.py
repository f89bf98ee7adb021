"""Twins share weights and nothing else; a split number comes back to the last bit."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from rung.models.encoder import TransformerEncoder
from rung.models.sharing import Halves, LowRank, compact, ready, twin
from rung.task import as_input

PLACE = "encoder.layer.0.attention.self.query"


def low_rank(base: Any, scale: float = 2.0) -> LowRank:
    generator = torch.Generator().manual_seed(0)
    down = torch.randn(4, base.in_features, generator=generator).to(base.weight)
    up = torch.randn(base.out_features, 4, generator=generator).to(base.weight)
    return LowRank(base, down, up, scale)


def test_a_twin_has_the_trunks_weights_and_modules_of_its_own(tiny_encoder: TransformerEncoder) -> None:
    trunk = tiny_encoder.shared()
    part = low_rank(trunk.get_submodule(PLACE))
    other = twin(trunk, {PLACE: part})
    assert other.get_submodule(PLACE) is part and trunk.get_submodule(PLACE) is not part
    theirs, ours = dict(trunk.named_parameters()), dict(other.named_parameters())
    assert {name for name in ours if name not in theirs} == {f"{PLACE}.down_RI", f"{PLACE}.up_OR"}
    assert all(ours[name] is theirs[name] for name in theirs)
    assert all(a is b for a, b in zip(trunk.buffers(), other.buffers(), strict=True))
    inner = "encoder.layer.0.attention"
    other.get_submodule(inner).new = 1  # type: ignore[assignment]
    other.get_submodule(inner).register_forward_hook(lambda *_: None)
    assert not hasattr(trunk.get_submodule(inner), "new") and not trunk.get_submodule(inner)._forward_hooks


def test_a_twin_without_parts_answers_as_the_trunk(tiny_encoder: TransformerEncoder) -> None:
    rows = tiny_encoder.token_rows([as_input("good word"), as_input("the quick brown fox")])
    trunk = tiny_encoder.shared()
    torch.testing.assert_close(
        tiny_encoder.pooled(twin(trunk, {}), rows), tiny_encoder.pooled(trunk, rows), atol=0, rtol=0
    )


@pytest.mark.parametrize("asked_before", [False, True])
def test_states_of_all_layers_are_told_once(tiny_encoder: TransformerEncoder, asked_before: bool) -> None:
    """transformers hands them out by hooks that it installs at the first question."""
    trunk = tiny_encoder.trunk().eval()
    batch = tiny_encoder.pad(tiny_encoder.token_rows([as_input("good word")]))
    if asked_before:
        trunk(**batch, output_hidden_states=True)
    other = twin(trunk, {PLACE: low_rank(trunk.get_submodule(PLACE), scale=0.0)})
    for module in (other, trunk, other):
        states = module(**batch, output_hidden_states=True).hidden_states
        assert len(states) == 3
        torch.testing.assert_close(states[-1], trunk(**batch).last_hidden_state)


def test_a_module_in_two_places_stays_one() -> None:
    layer = torch.nn.Sequential(torch.nn.Linear(2, 2))
    other: Any = twin(torch.nn.ModuleList([layer, layer]), {})
    assert other[0] is other[1] and other[0] is not layer


def test_an_unknown_place_is_refused(tiny_encoder: TransformerEncoder) -> None:
    with pytest.raises(KeyError, match="no module called nowhere"):
        twin(tiny_encoder.shared(), {"nowhere": torch.nn.Identity()})


@pytest.mark.parametrize("tokens", [1, 33])
def test_low_rank_is_the_merged_matrix(tokens: int) -> None:
    base = torch.nn.Linear(8, 6)
    layer = low_rank(base, scale=0.5)
    x = torch.randn(2, tokens, 8, generator=torch.Generator().manual_seed(1))
    merged = base.weight + 0.5 * layer.up_OR @ layer.down_RI
    expected = torch.nn.functional.linear(x, merged, base.bias)
    with torch.inference_mode():
        torch.testing.assert_close(layer(x), expected)
        narrow = low_rank(base.bfloat16(), scale=0.5)
        torch.testing.assert_close(narrow(x.bfloat16()).float(), expected, atol=0.1, rtol=0.05)
    assert [name for name, p in layer.named_parameters() if p.requires_grad] == ["weight", "bias"], "the base's own"


def test_halves_give_back_every_bit() -> None:
    tie = torch.tensor([0x3F808000, 0x3F818000, -0x407F8000], dtype=torch.int32).view(torch.float32)
    edges = torch.tensor([0.0, -0.0, 1.0, -1.0, 1e-45, -1e-38, 3.4e38, float("inf"), float("nan")])
    many = torch.randn(1000, generator=torch.Generator().manual_seed(0)) * 1e-3
    wanted = {"tie": tie, "edges": edges, "many": many.view(10, 100)}
    halves = Halves(wanted)
    assert list(halves) == list(wanted) and len(halves) == 3
    for name, tensor in wanted.items():
        assert torch.equal(halves[name].view(torch.int32), tensor.view(torch.int32)), name
        assert halves.narrow(name).dtype == torch.bfloat16 and halves.narrow(name).shape == tensor.shape
    torch.testing.assert_close(halves.narrow("many").float(), wanted["many"], atol=0, rtol=2**-8)
    assert torch.equal(halves.narrow("many"), wanted["many"].bfloat16())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_learnt_tensors_are_ready_without_a_copy(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rung.models.sharing.compute_dtype", lambda: dtype)
    monkeypatch.setattr("rung.models.sharing.device", lambda: "cpu")
    kept = compact({"a": torch.randn(4, 4)})
    assert compact(kept) is kept
    tensor = ready(kept, "a")
    assert tensor.dtype == dtype and ready(kept, "a").data_ptr() == tensor.data_ptr()
    assert torch.equal(ready({"a": kept["a"]}, "a"), tensor)
