"""Every damaged or hostile folder ends in one clear sentence or loads; no code of it runs, nothing hangs or swells."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import adapter_cases
import dataset_cases
import dataset_folders
import datasets
import model_cases
import peft_cases
import pytest
import tokenizer_cases
import torch
from cases import Case
from guard import attempt, check_sentence


@dataclass(frozen=True)
class Kind:
    """A kind of folder: how a good one is written, how the scripts load it, and what may be wrong with it."""

    write: Callable[[Path], Any]
    load: Callable[[Path], Any]
    cases: Callable[[], Iterator[Case]]


KINDS = {
    "model": Kind(
        lambda folder: model_cases.load(model_cases.write_stock(folder)), model_cases.load, model_cases.cases
    ),
    "model in shards": Kind(model_cases.write_shards, model_cases.load, model_cases.sharded_cases),
    "model in a pickle": Kind(model_cases.write_pickle, model_cases.load, model_cases.pickled_cases),
    "model with adapters": Kind(
        lambda folder: model_cases.load(model_cases.write_madx(folder)), model_cases.load, model_cases.adapted_cases
    ),
    "tokenizer": Kind(tokenizer_cases.write, tokenizer_cases.load, tokenizer_cases.cases),
    "generic tokenizer": Kind(tokenizer_cases.write_generic, tokenizer_cases.load, tokenizer_cases.generic_cases),
    "adapter": Kind(adapter_cases.write_adapter, adapter_cases.load, adapter_cases.cases),
    "adapter in a pickle": Kind(adapter_cases.write_pickled, adapter_cases.load, adapter_cases.pickled_cases),
    "LoRA": Kind(peft_cases.write_lora, peft_cases.load, peft_cases.cases),
    "jsonl": Kind(dataset_folders.write_jsonl, dataset_folders.load, dataset_cases.jsonl_cases),
    "csv": Kind(dataset_folders.write_csv, dataset_folders.load, dataset_cases.csv_cases),
    "gzip": Kind(dataset_folders.write_gzip, dataset_folders.load, dataset_cases.gzip_cases),
    "Parquet": Kind(dataset_folders.write_parquet, dataset_folders.load, dataset_cases.parquet_cases),
    "data set with a card": Kind(dataset_folders.write_card, dataset_folders.load, dataset_cases.card_cases),
}
FEWEST = 200
TRIED: list[str] = []


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Callable[[str], tuple[Path, Any]]:
    """One good folder per kind, and what loading it gives."""
    made: dict[str, tuple[Path, Any]] = {}

    def folder_of(name: str) -> tuple[Path, Any]:
        if name not in made:
            folder = tmp_path_factory.mktemp("good") / "data"
            made[name] = folder, KINDS[name].write(folder)
        return made[name]

    return folder_of


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.mark.parametrize("name", KINDS)
def test_the_good_folder_loads_as_it_was_written(good, tmp_path, name):
    folder, expected = good(name)
    result, sentence = attempt(KINDS[name].load, Path(shutil.copytree(folder, tmp_path / "data", symlinks=True)))
    assert sentence == ""
    if isinstance(expected, torch.Tensor):
        torch.testing.assert_close(result, expected)
    else:
        assert result == expected


ALL = [(name, case) for name, kind in KINDS.items() for case in kind.cases()]


@pytest.mark.parametrize(("name", "case"), ALL, ids=[f"{name}: {case.name[:60]}" for name, case in ALL])
def test_a_hostile_folder_is_refused_or_loads(good, tmp_path, name, case):
    folder = Path(shutil.copytree(good(name)[0], tmp_path / "data", symlinks=True))
    case.damage(folder)
    _, sentence = attempt(KINDS[name].load, folder)
    TRIED.append(case.name)
    if sentence:
        check_sentence(case, sentence, folder)
    else:
        assert case.may_load


def test_enough_were_tried(capsys, request):
    if len(TRIED) < len(ALL):
        pytest.skip("only some of them were asked for")
    assert len(TRIED) > FEWEST
    with capsys.disabled():
        print(f"\n{len(TRIED)} damaged or hostile folders tried")
