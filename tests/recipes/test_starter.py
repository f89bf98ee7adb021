"""The recipe of the starter model: its parts, and the whole of it on a few pages of our own text, killed and gone on with."""

from __future__ import annotations

import gzip
import json
import lzma
import os
import random
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
RECIPE = ROOT / "recipes" / "starter"
SOURCES = ("openstax", "enwiki_sample", "wikinews", "medquad_qa", "peps", "storybooks_en", "classics")


@pytest.fixture(scope="module", autouse=True)
def recipe_on_the_path() -> Any:
    sys.path.insert(0, str(RECIPE))
    yield
    sys.path.remove(str(RECIPE))
    for name in [n for n, m in sys.modules.items() if str(getattr(m, "__file__", "")).startswith(str(RECIPE))]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of sentences that say something about made-up people, in the seven files the recipe wants."""
    folder = tmp_path_factory.mktemp("corpus")
    draw = random.Random(0)
    names = ["Anna", "Ben", "Clara", "David", "Emma", "Frank", "Grace"]
    things = ["garden", "river", "school", "bridge", "market", "library", "engine", "letter", "kitchen"]
    acts = ["painted", "visited", "sold", "repaired", "found", "drew", "left", "measured", "praised"]
    for source in SOURCES:
        documents = []
        for _ in range(60):
            who, about = draw.choice(names), draw.sample(things, 3)
            lines = [
                f"In {draw.randint(1800, 2020)} {who} {draw.choice(acts)} the {draw.choice(about)} near the {draw.choice(about)}, "
                f"and {draw.choice(names)} {draw.choice(acts)} it {draw.choice(('again', 'twice', 'at last', 'in spring'))}."
                for _ in range(14)
            ]
            documents.append(f"{who} and the {about[0]}\n" + " ".join(lines))
        with lzma.open(folder / f"{source}.txt.xz", "wt", encoding="utf-8") as handle:
            handle.write("\n<|endoftext|>\n".join(documents))
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A public dataset with a test file, and prompted tasks, one of which quotes it."""
    folder = tmp_path_factory.mktemp("data")
    secret = "the old lighthouse keeper never once forgot to wind the brass clock"
    files = {
        "sst2/train": [{"text": f"a {w} film about {n}", "label": w} for w in ("good", "bad") for n in range(12)],
        "sst2/test": [{"text": secret, "label": "good"}, {"text": "a dull and empty film", "label": "bad"}],
        "t0_sft/train": [
            {"template": t, "prompt": f"{t}: is number {n} even?", "completion": "yes" if n % 2 == 0 else "no"}
            for t in ("ask", "tell")
            for n in range(40)
        ]
        + [{"template": "ask", "prompt": f"Review: {secret.title()}! Good?", "completion": "yes"}],
    }
    for name, rows in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        with gzip.open(folder / f"{name}.jsonl.gz", "wt", encoding="utf-8") as handle:
            handle.writelines(json.dumps(row) + "\n" for row in rows)
    return folder


def command(pages: Path, data: Path, work: Path, *more: str) -> list[str]:
    places = ["--corpus", str(pages), "--data", str(data), "--work", str(work), "--out", str(work / "model")]
    return [sys.executable, str(RECIPE), "--tiny", *places, *more]


@pytest.fixture(scope="module")
def made(pages: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole recipe, undisturbed."""
    work = tmp_path_factory.mktemp("made")
    done = subprocess.run(command(pages, data, work), capture_output=True, text=True, check=False, env=one_thread())
    assert done.returncode == 0, done.stderr[-3000:]
    return work


def one_thread() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


def test_the_whole_recipe(made: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    found = json.loads((made / "starter.json").read_text())
    assert found["curve"][-1]["loss"] < found["curve"][0]["loss"] - 0.5
    kinds = found["tokens_by_kind"]
    assert kinds["made on the fly"] >= 0.5 * sum(kinds.values())
    assert found["prompted"]["quotes sst2"] == 1
    assert found["judged"]["in_context"]["sst2"]["rows"] == 2
    tokenizer = AutoTokenizer.from_pretrained(made / "model")
    model = AutoModelForCausalLM.from_pretrained(made / "model")
    turns = [{"role": "user", "content": "Hello"}]
    ids = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=False)
    assert tokenizer.decode(ids) == "<|user|>Hello<|end|><|assistant|>"
    assert model.config.tie_word_embeddings and str(model.dtype) == "torch.bfloat16"
    assert (made / "model" / "README.md").read_text().count("million tokens") >= 1


def test_killed_and_gone_on_with_it_ends_the_same(made: Path, pages: Path, data: Path, tmp_path: Path) -> None:
    wanted = json.loads((made / "starter.json").read_text())
    running = subprocess.Popen(
        command(pages, data, tmp_path, "--checkpoint-every", "0"), stdout=subprocess.PIPE, text=True, env=one_thread()
    )
    assert running.stdout is not None
    for line in running.stdout:
        if line.startswith("step     20"):
            break
    time.sleep(0.05)
    running.send_signal(signal.SIGKILL)
    running.wait()
    running.stdout.close()
    assert (tmp_path / "checkpoint.safetensors").exists()
    done = subprocess.run(command(pages, data, tmp_path), capture_output=True, text=True, check=False, env=one_thread())
    assert done.returncode == 0, done.stderr[-3000:]
    assert "step     10 " not in done.stdout
    found = json.loads((tmp_path / "starter.json").read_text())
    assert found["weights"] == wanted["weights"]
    assert found["curve"][-1]["loss"] == pytest.approx(wanted["curve"][-1]["loss"], abs=1e-6)


def test_a_checkpoint_of_other_settings_is_refused(made: Path) -> None:
    import torch
    from model import new_model
    from pretraining import Learner, load_checkpoint
    from settings import TINY
    from tokenizers import Tokenizer

    other = replace(TINY, muon_rate=0.5)
    model = new_model(other, Tokenizer.from_file(str(made / "tokenizer.json")), None)
    with pytest.raises(SystemExit, match=r"other settings \(muon_rate\); move it away"):
        load_checkpoint(Learner(model, other, torch.float32), made)


def test_an_incomplete_corpus_is_named(tmp_path: Path, data: Path) -> None:
    done = subprocess.run(command(tmp_path, data, tmp_path / "w"), capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "openstax.txt.xz is missing" in done.stderr and "Traceback" not in done.stderr


def test_windows_do_not_repeat_and_can_be_made_anew(made: Path) -> None:
    from settings import TINY
    from windows import Windows, schedule

    steps = schedule(TINY)
    assert sum(step.windows * step.length for step in steps) == TINY.tokens
    assert all(step.prompted == 0 for step in steps[: TINY.last_from]) and any(step.prompted for step in steps)
    first = Windows(made / "corpus", made / "tokenizer.json", made / "prompted.json", TINY)
    again = Windows(made / "corpus", made / "tokenizer.json", made / "prompted.json", TINY)
    batches = [first[i] for i in range(12)]
    assert all((again[i].ids_BT == batches[i].ids_BT).all() for i in (11, 3, 7))
    rows = [tuple(row) for batch in batches for row in batch.ids_BT.tolist()]
    assert len(set(rows)) == len(rows)


def test_only_answers_have_the_weight_of_answers(made: Path) -> None:
    from formats import Episode, written
    from tokenizers import Tokenizer
    from windows import packed

    tokenizer = Tokenizer.from_file(str(made / "tokenizer.json"))
    episode = Episode([("the garden", "zorp"), ("a river", "blick"), ("the bridge", "zorp")])
    for seed in range(40):
        pieces = written(episode, random.Random(seed), 2.0, 0.5)
        whole = "".join(text for text, _ in pieces)
        ids, weights = packed(iter([pieces] * 50), tokenizer, 48)
        assert tokenizer.decode(ids.tolist(), skip_special_tokens=False).startswith(whole[:20])
        learnt = tokenizer.decode([int(i) for i, w in zip(ids[1:], weights, strict=True) if w == 2.0])
        assert re.fullmatch(r"(\s|zorp|blick)*(z|zo|zor|b|bl|bli|blic)?", learnt) and "zorp" in learnt


def test_label_words_mean_nothing_twice(made: Path) -> None:
    from corpus import Corpus
    from labelled import labelled

    corpus = Corpus(made / "corpus", 0)
    seen: dict[str, set[str]] = {}
    for seed in range(60):
        episode = labelled(random.Random(seed), corpus)
        answers = [answer for _, answer in episode.pairs]
        assert 1 <= len(set(answers)) <= 10
        if len(answers) > 1 and episode.instruction == "":
            for answer in set(answers):
                seen.setdefault(answer, set()).add(str(seed))
    assert len(seen) > 60


def test_sentences_of_test_sets_are_found_and_left_out(data: Path) -> None:
    from overlap import TestText

    test = TestText(data)
    text = "It was late. The old lighthouse keeper never once forgot to wind the brass clock! Then he slept."
    assert test.found_in(text) == {"sst2"}
    assert "lighthouse" not in test.without(text) and test.without(text).startswith("It was late.")
    assert test.quoted_in("They say the OLD lighthouse-keeper never once forgot to wind") == "sst2"
    assert test.found_in("a good film about 3") == set()
