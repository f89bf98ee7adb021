"""Every family of language models scores and answers as transformers alone does, whatever is shared between prompts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from language_families import APART, LANGUAGE, POSITIONS, SEQ2SEQ, build_language
from rung.errors import ModelError
from rung.models.base import LanguageModel, Sampling
from rung.models.catalogue import new_model
from rung.models.device import compute_dtype
from rung.task import Message, Prompt

SHOTS = "Text: the cheese is old\nLabel: bad\n\nText: it was a lovely day\nLabel: good\n\n"
QUESTIONS = ("what a day", "the refund never came and nobody answers, so I am cross", "no", "Ça va? 👍")
ANSWERS = (" good", " bad", " bad refund", " neither good nor bad")


@pytest.fixture(scope="module")
def language(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], LanguageModel]]:
    """Models by family, in float32: equal means equal."""
    patch = pytest.MonkeyPatch()
    patch.setenv("RUNG_DTYPE", "float32")
    compute_dtype.cache_clear()
    made: dict[str, LanguageModel] = {}

    def make(family: str) -> LanguageModel:
        if family not in made:
            found = new_model(str(build_language(family, tmp_path_factory.mktemp("language"))))
            assert isinstance(found, LanguageModel)
            made[family] = found
        return made[family]

    yield make
    patch.undo()
    compute_dtype.cache_clear()


def plain(model: LanguageModel, prompt: list[int], answer: list[int]) -> float:
    """An answer's log-probability from one forward pass of transformers over everything."""
    network = new_network(model)
    with torch.inference_mode():
        if network.config.is_encoder_decoder:
            start = network.config.decoder_start_token_id
            out = network(torch.tensor([prompt]), decoder_input_ids=torch.tensor([[start, *answer[:-1]]]))
            logs = out.logits[0].double().log_softmax(-1)
        else:
            logs = network(torch.tensor([prompt + answer])).logits[0, len(prompt) - 1 : -1].double().log_softmax(-1)
    return float(logs[torch.arange(len(answer)), torch.tensor(answer)].sum())


_networks: dict[int, Any] = {}


def new_network(model: LanguageModel) -> Any:
    """A copy of the model with transformers' own attention."""
    if id(model) not in _networks:
        _networks[id(model)] = model.network().eval()  # type: ignore[attr-defined]
    return _networks[id(model)]


def prompts_of(model: LanguageModel, questions: Sequence[str] = QUESTIONS) -> list[Prompt]:
    """The questions with two examples, as turns where the model reads turns."""
    if not model.chat:
        return [f"{SHOTS}Text: {q}\nLabel:" for q in questions]
    system = Message("system", SHOTS)
    return [(system, Message("user", q)) for q in questions]


def answers_of(model: LanguageModel) -> list[str]:
    return [a.strip() if model.chat else a for a in ANSWERS]


@pytest.mark.parametrize("family", [*LANGUAGE, *SEQ2SEQ])
def test_scores_are_those_of_transformers(language: Callable[[str], LanguageModel], family: str) -> None:
    model = language(family)
    prompts, answers = prompts_of(model), answers_of(model)
    found = model.score(prompts, answers)
    wording = model.wording  # type: ignore[attr-defined]
    ids, wanted = wording.prompts(prompts), wording.answers(prompts, answers)
    table = [[plain(model, row, answer) for answer in wanted] for row in ids]
    np.testing.assert_allclose(found.logs_NK, table, atol=2e-4)
    assert found.logs_NK.std() > 0.1
    assert found.tokens_N.tolist() == [len(row) for row in ids]
    shared = found.cached_N.tolist()
    assert shared == [0] * 4 if family in (*APART, *SEQ2SEQ) else min(shared) > 20


@pytest.mark.parametrize("family", [*LANGUAGE, *SEQ2SEQ])
def test_a_score_does_not_depend_on_its_neighbours(language: Callable[[str], LanguageModel], family: str) -> None:
    model = language(family)
    prompts, answers = prompts_of(model), answers_of(model)
    together = model.score(prompts, answers).logs_NK
    alone = np.concatenate([model.score([p], answers).logs_NK for p in prompts])
    known = model.beginning(prompts)
    hinted = np.concatenate([model.score([p], answers, beginning=known).logs_NK for p in prompts])
    np.testing.assert_allclose(together, alone, atol=2e-4)
    np.testing.assert_allclose(together, hinted, atol=2e-4)
    assert model.score([], answers).logs_NK.shape == (0, 4)


@pytest.mark.parametrize("family", [*LANGUAGE, *SEQ2SEQ])
def test_greedy_text_is_that_of_transformers(language: Callable[[str], LanguageModel], family: str) -> None:
    model = language(family)
    prompts = prompts_of(model)
    replies = model.generate(prompts, Sampling(max_tokens=12))
    network = new_network(model)
    for ids, reply in zip(model.wording.prompts(prompts), replies, strict=True):  # type: ignore[attr-defined]
        row = torch.tensor([ids])
        how = {"max_new_tokens": 12, "do_sample": False, "eos_token_id": sorted(model.stop_ids), "pad_token_id": 2}  # type: ignore[attr-defined]
        out = network.generate(row, attention_mask=torch.ones_like(row), **how)[0]
        new = out[1:] if network.config.is_encoder_decoder else out[len(ids) :]
        new = [i for i in new.tolist() if i not in model.stop_ids]  # type: ignore[attr-defined]
        assert reply.text == model.tokenizer.decode(new, skip_special_tokens=True)
        assert reply.usage.tokens_in == len(ids) and reply.usage.tokens_out == len(new)
        assert reply.finish == ("length" if len(new) == 12 else "stop")


def test_answers_that_begin_alike_are_scored_whole(language: Callable[[str], LanguageModel]) -> None:
    """`bad` and `bad refund` share tokens; with their ends their probabilities leave room for others: they add up to under 1."""
    model = language("qwen2")
    prompts = prompts_of(model)
    both = model.score(prompts, ["bad", "bad refund"]).logs_NK
    first = model.score(prompts, ["bad", "good"]).logs_NK
    assert (both[:, 0] < first[:, 0]).all(), "the end of the answer has its own probability"
    assert (np.exp(both).sum(1) < 1).all()


def test_answers_nobody_can_tell_apart_are_refused(language: Callable[[str], LanguageModel]) -> None:
    model = language("qwen2")
    with pytest.raises(ModelError, match="are the same"):
        model.score(["a"], [" x", " x"])
    with pytest.raises(ModelError, match="has no token"):
        model.score(["a"], [" x", ""])


@pytest.mark.parametrize("family", ["qwen2", "falcon"])
def test_a_prompt_that_is_too_long_says_so_and_harms_no_other(
    language: Callable[[str], LanguageModel], family: str
) -> None:
    model = language(family)
    prompts: list[Prompt] = ["day " * POSITIONS, "a day"]
    scored = model.score(prompts, [" good", " bad"])
    assert np.isnan(scored.logs_NK[0]).all() and np.isfinite(scored.logs_NK[1]).all()
    long, short = model.generate(prompts, Sampling(max_tokens=3))
    assert long.finish == "too_long" and str(POSITIONS) in long.reason and long.text == ""
    assert short.usage.tokens_out == 3 or short.finish == "stop"


@pytest.mark.parametrize("family", ["llama", "falcon", "t5"])
def test_what_is_drawn_depends_on_seed_and_prompt_alone(language: Callable[[str], LanguageModel], family: str) -> None:
    model = language(family)
    prompts = prompts_of(model)
    how = Sampling(max_tokens=10, temperature=1.0, top_p=0.95, seed=3)
    together = [r.text for r in model.generate(prompts, how)]
    assert together == [model.generate([p], how)[0].text for p in prompts]
    assert together != [r.text for r in model.generate(prompts, how.model_copy(update={"seed": 4}))]
    again = model.generate([prompts[0]] * 4, how)
    assert len({r.text for r in again}) > 1 and again[0].text == together[0], "repeats are drawn anew"
    narrow = model.generate(prompts, how.model_copy(update={"top_k": 1}))
    greedy = model.generate(prompts, Sampling(max_tokens=10))
    assert [r.text for r in narrow] == [r.text for r in greedy]


def test_a_text_ends_at_a_stop(language: Callable[[str], LanguageModel]) -> None:
    model = language("gpt2")
    whole = model.generate(["Text: a day\nLabel:"], Sampling(max_tokens=16))[0].text
    stop = whole[len(whole) // 2 : len(whole) // 2 + 2]
    cut = model.generate(["Text: a day\nLabel:"], Sampling(max_tokens=16, stop=(stop,)))[0]
    assert cut.finish == "stop" and cut.text == whole[: whole.index(stop)]


SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "maxLength": 8},
        "count": {"type": "integer", "minimum": 0, "maximum": 99},
    },
    "required": ["city", "count"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("family", ["qwen2", "falcon", "gpt2"])
def test_a_schema_holds_the_answer(language: Callable[[str], LanguageModel], family: str) -> None:
    model = language(family)
    for reply in model.generate(prompts_of(model), Sampling(max_tokens=80, temperature=1.0), schema=SCHEMA):
        assert reply.finish == "stop", reply
        assert set(json.loads(reply.text)) == {"city", "count"}


def test_a_schema_nobody_can_decode_under_is_told(language: Callable[[str], LanguageModel]) -> None:
    with pytest.raises(ModelError, match="schema cannot be decoded"):
        language("qwen2").generate(["a"], schema={"type": "object", "properties": {"a": {"type": "nonsense"}}})


def test_a_template_without_system_turns_gets_them_in_the_users(language: Callable[[str], LanguageModel]) -> None:
    model = language("mistral")
    text = model.wording.text((Message("system", "Be short."), Message("user", "Hi")))  # type: ignore[attr-defined]
    assert text == "<|user|>Be short.\n\nHi<|end|>\n<|assistant|>\n"
    with pytest.raises(ModelError, match="does not take this conversation"):
        model.wording.text((Message("system", "Be short."),))  # type: ignore[attr-defined]


def test_a_kept_beginning_is_read_once(language: Callable[[str], LanguageModel]) -> None:
    model: Any = language("qwen2")
    prompts, answers = prompts_of(model), answers_of(model)
    known = model.beginning(prompts)
    model.score(prompts[:1], answers, beginning=known)

    def never(ids: Sequence[int]) -> Any:
        raise AssertionError("read again")

    assert model.kept(known, never)


@pytest.mark.parametrize("family", [*LANGUAGE, *SEQ2SEQ])
def test_bfloat16_scores_are_near(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: Callable[[str], LanguageModel]
) -> None:
    exact = language(family)
    monkeypatch.setenv("RUNG_DTYPE", "bfloat16")
    compute_dtype.cache_clear()
    try:
        model = new_model(str(exact.info.path))
        assert isinstance(model, LanguageModel)
        prompts, answers = prompts_of(model), answers_of(model)
        near = model.score(prompts, answers).logs_NK
    finally:
        monkeypatch.undo()
        compute_dtype.cache_clear()
    apart = np.abs(near - exact.score(prompts, answers).logs_NK)
    assert apart.max() < 0.1 * np.abs(near).max()
