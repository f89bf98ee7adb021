"""A soft prompt around a trunk: what it does in every family, packed and padded, trained and answering."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from rung.models.base import TokenRow
from rung.models.encoder import TransformerEncoder
from rung.models.prompted import Prompted, Vectors, first_keys_and_values
from rung.models.reparametrised import Reparametrised
from rung.task import as_input

WIDTH, LAYERS, HEADS, P = 32, 2, 4, 5
#: Rows of different lengths, and a pair.
ROWS = [
    TokenRow([2, 10, 11, 12, 13, 3], 6, False),
    TokenRow([2, 20, 3], 3, False),
    TokenRow([2, 30, 31, 3, 32, 33, 34, 3], 4, False),
]
#: Families, and whether a prefix can be put into their attention.
FAMILIES = {
    "bert": True,
    "roberta": True,
    "xlm-roberta": True,
    "camembert": True,
    "electra": True,
    "ernie": True,
    "distilbert": True,
    "modernbert": True,
    "deberta": False,
    "deberta-v2": False,
}
PREFIXED = [family for family, able in FAMILIES.items() if able]


def tiny_trunk(family: str) -> Any:
    """A random trunk of two layers."""
    from transformers import AutoConfig, AutoModel

    sizes: dict[str, Any] = {
        "vocab_size": 50,
        "hidden_size": WIDTH,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "intermediate_size": 64,
        "max_position_embeddings": 64,
        "pad_token_id": 0 if family != "roberta" else 1,
    }
    if family == "distilbert":
        sizes = {"vocab_size": 50, "dim": WIDTH, "n_layers": LAYERS, "n_heads": HEADS, "hidden_dim": 64}
    if family == "electra":
        sizes |= {"embedding_size": 16}  # words are narrower than states
    if family == "modernbert":
        sizes |= dict.fromkeys(("cls_token_id", "sep_token_id", "bos_token_id", "eos_token_id"), 3)
    if family.startswith("deberta"):
        sizes |= {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "type_vocab_size": 0}
    torch.manual_seed(0)
    return AutoModel.from_config(AutoConfig.for_model(family, **sizes)).eval().requires_grad_(False)


def prompt_for(prefix: bool, trunk: Any) -> Vectors:
    shape = (LAYERS, 2, P, WIDTH) if prefix else (P, trunk.get_input_embeddings().embedding_dim)
    return Vectors(torch.randn(shape, generator=torch.Generator().manual_seed(1)))


def padded(rows: list[TokenRow], family: str) -> dict[str, torch.Tensor]:
    longest = max(len(row.ids) for row in rows)
    ids = torch.tensor([row.ids + [0] * (longest - len(row.ids)) for row in rows])
    mask = torch.tensor([[1] * len(row.ids) + [0] * (longest - len(row.ids)) for row in rows])
    batch = {"input_ids": ids, "attention_mask": mask}
    if family in ("bert", "ernie", "electra"):
        batch["token_type_ids"] = torch.tensor([[int(i >= row.first) for i in range(longest)] for row in rows]) * mask
    return batch


@pytest.mark.parametrize("prefix", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_in_every_family_a_row_is_read_as_if_alone_and_the_prompt_matters(family: str, prefix: bool) -> None:
    if prefix and not FAMILIES[family]:
        pytest.skip("its attention takes no keys without a place")
    trunk = tiny_trunk(family)
    model = Prompted(trunk, prompt_for(prefix, trunk)).eval()
    batch = padded(ROWS, family)
    together = model(**batch).last_hidden_state
    assert together.shape == (*batch["input_ids"].shape, WIDTH), "the states of the text's own tokens"
    for i, row in enumerate(ROWS):
        alone = model(**{name: value[i : i + 1, : len(row.ids)] for name, value in batch.items()}).last_hidden_state[0]
        torch.testing.assert_close(together[i, : len(row.ids)], alone, atol=1e-5, rtol=1e-4)
    other = Prompted(trunk, Vectors(torch.zeros_like(model.prompt()))).eval()
    assert (other(**batch).last_hidden_state - together).abs().max() > 1e-3


@pytest.mark.parametrize("family", FAMILIES)
def test_embeddings_of_words_are_these_words(family: str) -> None:
    trunk = tiny_trunk(family)
    words, text = [21, 22, 23], [10, 11, 12, 3]
    whole = trunk(input_ids=torch.tensor([words + text])).last_hidden_state[0]
    prompt = Vectors(trunk.get_input_embeddings().weight[words].clone())
    found = Prompted(trunk, prompt).eval()(input_ids=torch.tensor([text])).last_hidden_state[0]
    torch.testing.assert_close(found, whole[len(words) :], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("family", PREFIXED)
def test_keys_and_values_of_words_are_these_words_but_for_their_places(family: str) -> None:
    """A prefix takes no places, so the trunk is first made blind to them."""
    trunk = tiny_trunk(family)
    for name, table in (*trunk.named_parameters(), *trunk.named_buffers()):
        if "position_embeddings" in name or "inv_freq" in name:
            table.zero_()
    words, text = [21, 22, 23], [10, 11, 12, 3]
    whole = trunk(input_ids=torch.tensor([words + text])).last_hidden_state[0]
    pairs = first_keys_and_values(trunk, torch.tensor([words + text]), layers=LAYERS)[:, :, 0, : len(words)]
    alone = trunk(input_ids=torch.tensor([text])).last_hidden_state[0]
    assert (alone - whole[len(words) :]).abs().max() > 1e-3
    prompted = Prompted(trunk, Vectors(pairs)).eval()
    for found in (prompted(input_ids=torch.tensor([text])), _without_gradient(prompted, text)):
        torch.testing.assert_close(found.last_hidden_state[0], whole[len(words) :], atol=1e-5, rtol=1e-4)


def _without_gradient(model: Prompted, text: list[int]) -> Any:
    with torch.inference_mode():
        return model(input_ids=torch.tensor([text]))


@pytest.mark.parametrize("prefix", [False, True])
@pytest.mark.parametrize("family", ["bert", "roberta"])
@pytest.mark.parametrize("rows", [ROWS, ROWS[:1] * 2], ids=["lengths differ", "lengths alike"])
def test_packed_equals_padded_in_states_and_gradients(family: str, prefix: bool, rows: list[TokenRow]) -> None:
    from rung.models import packed

    if family == "roberta":
        rows = [TokenRow(row.ids, len(row.ids), False) for row in rows]
    trunk = tiny_trunk(family)
    assert packed.fits(trunk)
    model = Prompted(trunk, prompt_for(prefix, trunk)).eval()
    batch = padded(rows, family)
    theirs = model(**batch).last_hidden_state[batch["attention_mask"].bool()]
    ours = packed.last_hidden(model, rows, torch.tensor([len(row.ids) for row in rows]))
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)
    (vectors,) = model.prompt.parameters()
    gradients = [torch.autograd.grad((states**3).sum(), vectors)[0] for states in (ours, theirs)]
    torch.testing.assert_close(gradients[0], gradients[1], atol=1e-4, rtol=1e-3)
    assert gradients[0].abs().amax(-1).min() > 0, "every vector is moved"


@pytest.mark.parametrize("prefix", [False, True])
def test_prompts_share_a_trunk_and_leave_it_alone(prefix: bool, tiny_encoder: TransformerEncoder) -> None:
    shared: Any = tiny_encoder.shared()
    text = [as_input("the quick brown fox"), as_input("a")]
    before = tiny_encoder.encode(text).vectors_ND
    kept = {name: p.clone() for name, p in shared.named_parameters()}
    prompts = [
        Prompted(shared, prompt_for(prefix, shared).requires_grad_(False), shared=True).eval() for _ in range(10)
    ]
    own = sum(p.numel() for p in prompts[0].parameters())
    assert own == (LAYERS * 2 * P * WIDTH if prefix else P * WIDTH), "the trunk is no part of a prompt"
    held = {p.data_ptr() for prompt in prompts for p in prompt.trunk.parameters()}
    assert held == {p.data_ptr() for p in shared.parameters()}, "and is held once"
    assert len({id(prompt.trunk) for prompt in prompts}) == 1
    prompts[0].double()
    with_prompt = tiny_encoder.encode(text, module=prompts[1]).vectors_ND
    assert abs(with_prompt - before).max() > 1e-3
    assert (tiny_encoder.encode(text).vectors_ND == before).all(), "others read without the prompt"
    for name, p in shared.named_parameters():
        assert p.dtype == kept[name].dtype and torch.equal(p, kept[name])


def test_texts_are_cut_to_leave_room_for_the_prompt(tiny_encoder: TransformerEncoder) -> None:
    model = Prompted(
        tiny_encoder.shared(), prompt_for(False, tiny_encoder.shared()).requires_grad_(False), shared=True
    ).eval()
    found = tiny_encoder.encode([as_input("fox " * 100)], module=model)
    assert found.truncated_N[0] and found.tokens_N[0] == tiny_encoder.info.context_length - P


@pytest.mark.parametrize("prefix", [False, True])
def test_states_of_all_layers_are_the_texts_own(prefix: bool, tiny_encoder: TransformerEncoder) -> None:
    model = Prompted(
        tiny_encoder.shared(), prompt_for(prefix, tiny_encoder.shared()).requires_grad_(False), shared=True
    ).eval()
    found = model(input_ids=torch.tensor([[2, 10, 3]]), output_hidden_states=True)
    assert [tuple(state.shape) for state in found.hidden_states] == [(1, 3, WIDTH)] * (LAYERS + 1)


@pytest.mark.parametrize("recurrent", [False, True])
@pytest.mark.parametrize("shape", [(P, WIDTH), (LAYERS, 2, P, WIDTH)])
def test_a_network_begins_at_its_start_and_moves_every_vector(shape: tuple[int, ...], recurrent: bool) -> None:
    torch.manual_seed(0)
    start = torch.randn(shape)
    network = Reparametrised(start, 8, recurrent=recurrent)
    torch.testing.assert_close(network(), start)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        (network() ** 2).sum().backward()
        optimizer.step()
    moved = (network() - start).abs().movedim(-2, 0).flatten(1).amax(1)
    assert moved.shape == (P,) and moved.min() > 0
    assert network.anchors_PD.grad is not None and network.anchors_PD.grad.abs().max() > 0
