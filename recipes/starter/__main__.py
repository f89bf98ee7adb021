"""The starter model from its text to its card, in one command: tokenizer, data, pre-training, evaluation, export.

    python recipes/starter --preset cpu [--corpus DIR] [--data DIR] [--work DIR] [--out DIR] [--minutes N]

Whatever is finished is not done again: run the same command after a stop and it goes on. `--preset tiny` (or `--tiny`) runs all of
it in three minutes. Needs torch, transformers, tokenizers and safetensors.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")

import corpus  # noqa: E402
import prompted  # noqa: E402
import torch  # noqa: E402  the environment comes first
from card import write_card  # noqa: E402
from export import export, write_results  # noqa: E402
from judging import Judge, judge, read_tasks  # noqa: E402
from model import bundled_encoder, new_model  # noqa: E402
from overlap import TestText  # noqa: E402
from pretraining import Learner, train  # noqa: E402
from settings import PRESETS, Settings  # noqa: E402
from tokenizer import train_tokenizer  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402
from windows import Windows  # noqa: E402

SAMPLES = (
    "The history of the city",
    "The doctor looked at",
    "Water is",
    "Once upon a time there was",
    "The president said on Monday",
)


def main() -> None:
    """Run every stage that is not done yet."""
    args = arguments()
    settings = PRESETS[args.preset]
    if args.checkpoint_every is not None:
        settings = replace(settings, checkpoint_s=args.checkpoint_every)
    work: Path = args.work or ROOT / ".rung" / "starter" / settings.name
    work.mkdir(parents=True, exist_ok=True)
    test = TestText(args.data if args.data.is_dir() else None)
    encoder = None if args.no_encoder or settings.width != 384 else bundled_encoder()

    say("tokenizer")
    tokenizer = stage_tokenizer(args.corpus, work, settings)
    say("data")
    counts = corpus.prepare(args.corpus, work / "corpus", tokenizer, test, settings)
    rows = stage_prompted(args.data, work, test, settings)

    say("pre-training")
    device, dtype = where(args.device)
    windows = Windows(work / "corpus", work / "tokenizer.json", work / "prompted.json" if rows else None, settings)
    check_epochs(windows)
    learner = Learner(new_model(settings, tokenizer, encoder).to(device), settings, dtype)
    curve = train(learner, windows, work, args.workers, args.minutes, progress(settings))
    if learner.step < settings.steps and not args.judge_anyway:
        say(f"stopped at step {learner.step} of {settings.steps}; the same command goes on from there")
        return

    say("evaluation")
    learner.model.eval()
    seen = sum(step.windows * step.length for step in windows.steps[: learner.step])
    found: dict[str, Any] = {
        "settings": settings.to_dict(),
        "parameters": sum(p.numel() for p in learner.model.parameters()),
        "tokens_seen": seen,
        "tokens_by_kind": by_kind(windows, learner.step),
        "curve": curve,
        "corpus": counts,
        "prompted": rows,
        "from_encoder": encoder is not None,
        "machine": machine(device),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
    }
    judging = Judge(learner.model, tokenizer, settings, bundled_encoder())
    tasks = read_tasks(args.data if args.data.is_dir() else None, ROOT / "src/rung/data/support", settings.judge_rows)
    found["judged"] = judge(judging, work / "corpus", tasks, say, SAMPLES)

    say("export")
    out: Path = args.out or work / "starter"
    found["weights"] = export(learner.model, tokenizer, out, settings)
    results: Path = args.results or work / "starter.json"
    write_results(results, found)
    write_card(json.loads(results.read_text()), out)  # every figure of the card comes from the file
    say(f"the model stands in {out}")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shared = ROOT.parent / "shared"
    parser.add_argument("--preset", choices=sorted(PRESETS), default="cpu")
    parser.add_argument("--tiny", dest="preset", action="store_const", const="tiny", help="the same as --preset tiny")
    parser.add_argument("--corpus", type=Path, default=shared / "corpus", help="folder of NAME.txt.xz")
    parser.add_argument("--data", type=Path, default=shared / "data", help="folder of public datasets")
    parser.add_argument("--work", type=Path, help="where prepared data and checkpoints stand")
    parser.add_argument("--out", type=Path, help="where the model is written")
    parser.add_argument("--results", type=Path, help="where the figures are written, as JSON")
    parser.add_argument("--minutes", type=float, help="stop training after so long; the same command goes on")
    parser.add_argument("--checkpoint-every", type=float, help="seconds between checkpoints; default: two minutes")
    parser.add_argument("--workers", type=int, default=0, help="processes that make windows; a GPU wants one a core")
    parser.add_argument("--device", help="cpu or cuda; default: a GPU where there is one")
    parser.add_argument("--no-encoder", action="store_true", help="token embeddings start at random")
    parser.add_argument("--judge-anyway", action="store_true", help="evaluate and export an unfinished training")
    return parser.parse_args()


def stage_tokenizer(folder: Path, work: Path, settings: Settings) -> Tokenizer:
    """The tokenizer, trained unless it is there."""
    path = work / "tokenizer.json"
    if not path.exists():
        train_tokenizer(corpus.sample(folder, settings), settings.vocabulary).save(str(path))
    return Tokenizer.from_file(str(path))


def stage_prompted(data: Path, work: Path, test: TestText, settings: Settings) -> dict[str, int]:
    """The prompted tasks, cleaned unless they are there; no counts where there are none."""
    path, record = data / "t0_sft" / "train.jsonl.gz", work / "prompted.counts.json"
    if not path.exists():
        return {}
    if not record.exists():
        limit = 2000 if settings.text_limit_mb < 10 else None
        record.write_text(json.dumps(prompted.prepare(path, work / "prompted.json", test, limit)))
    counts: dict[str, int] = json.loads(record.read_text())
    return counts


def check_epochs(windows: Windows) -> None:
    """No text more often than the recipe allows.

    Raises:
        SystemExit: the settings ask for more than four passes.
    """
    asked = sum(step.text * step.length for step in windows.steps)
    had = corpus.Corpus(windows.folder, 0).epoch_tokens
    if asked > 4 * had and windows.settings.name != "tiny":
        raise SystemExit(f"{asked / 1e6:.0f} M tokens of text are asked for, four passes have {4 * had / 1e6:.0f} M")


def where(device: str | None) -> tuple[str, torch.dtype]:
    """Device, and the dtype it multiplies fastest in."""
    found = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if found == "cuda":
        return found, torch.bfloat16
    native = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()
    return found, torch.bfloat16 if native else torch.float32


def by_kind(windows: Windows, steps: int) -> dict[str, int]:
    """Tokens of each kind in the first steps."""
    found = {"plain text": 0, "made on the fly": 0, "prompted tasks": 0}
    for step in windows.steps[:steps]:
        found["plain text"] += step.text * step.length
        found["prompted tasks"] += step.prompted * step.length
        found["made on the fly"] += (step.windows - step.text - step.prompted) * step.length
    return found


def machine(device: str) -> str:
    """What it ran on, for the card."""
    if device == "cuda":
        return str(torch.cuda.get_device_name(0))
    return f"{torch.get_num_threads()} CPU threads"


def progress(settings: Settings) -> Any:
    """Prints a line a point, with the time left."""

    def report(point: dict[str, float]) -> None:
        left = (settings.steps - point["step"]) * settings.step_tokens / max(1.0, point["tokens_per_second"])
        print(
            f"step {point['step']:6.0f} of {settings.steps}  loss {point['loss']:.4f}  "
            f"{point['tokens_per_second']:,.0f} tokens/s  {left / 60:.0f} min left",
            flush=True,
        )

    return report


def say(what: str) -> None:
    """A line with the time."""
    print(f"{time.strftime('%H:%M:%S')} {what}", flush=True)


if __name__ == "__main__":
    main()
