"""What `survey` lists: the built-in model, the hub's cache, and models by name; what cannot be used has its reason."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rung.errors import ModelError, UnknownNameError
from rung.models.catalogue import cached_models, open_model, survey
from rung.models.memory import USES, Machine

SMALL = Machine(cores=1, memory=10**9, free=10**8)


def test_named_folders_are_listed_with_memory_and_fit(tiny_folder: Path) -> None:
    listing = survey([str(tiny_folder)], SMALL)[-1]
    assert listing.info is not None and listing.info.layers == 2 and set(listing.memory) == set(USES)
    assert not listing.fits("inference")  # a process takes more than the 100 MB that are free
    facts = listing.to_dict()
    assert facts["memory"]["lora"] == {"bytes": listing.memory["lora"], "fits": False} and facts["context_length"] == 64


def test_an_unknown_model_is_an_error_by_name() -> None:
    with pytest.raises(UnknownNameError):
        survey(["minilmm"], SMALL)
    with pytest.raises(UnknownNameError, match="no name of a model on the hub"):
        survey(["no/such model"], SMALL)


def test_a_built_in_model_that_cannot_be_opened_is_listed_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rung.models import files

    monkeypatch.setattr(files, "BUILT_IN", (str(tmp_path),))
    first = survey((), SMALL)[0]
    assert first.info is None and first.reason == "not a model folder: config.json is missing"
    assert first.to_dict()["memory"] == {}


def test_encoders_in_the_hub_cache_are_listed_and_damaged_ones_left_out(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, revision in (("owner--good", "1" * 40), ("owner--damaged", "2" * 40)):
        place = tmp_path / f"models--{name}"
        (place / "refs").mkdir(parents=True)
        (place / "refs" / "main").write_text(revision, encoding="utf-8")
        shutil.copytree(tiny_folder, place / "snapshots" / revision)
    (tmp_path / "models--owner--damaged" / "snapshots" / ("2" * 40) / "config.json").write_text("{", encoding="utf-8")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.utils._cache_manager.HF_HUB_CACHE", str(tmp_path), raising=False)
    assert [info.name for info in cached_models()] == ["owner/good"]
    monkeypatch.setattr("huggingface_hub.utils._cache_manager.HF_HUB_CACHE", str(tmp_path / "none"), raising=False)
    assert list(cached_models()) == []


def test_a_model_of_another_architecture_is_refused(tiny_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_folder, tmp_path / "odd")
    (folder / "config.json").write_text("[]", encoding="utf-8")
    with pytest.raises(ModelError, match="not a JSON object"):
        open_model(str(folder))
