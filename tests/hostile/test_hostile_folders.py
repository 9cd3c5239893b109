"""Whatever users download, loading it gives what it should, or one sentence: never code run, a hang or a traceback."""

import pickle
import shutil
from collections import Counter
from pathlib import Path

import adapter_cases
import dataset_cases
import datasets
import decoder_cases
import merge_cases
import model_cases
import peft_cases
import pytest
import tokenizer_cases
import torch
from cases import executed, plant
from guard import attempt, check_sentence
from tensor_cases import payload
from totals import HOSTILE

KINDS = [
    kind
    for module in (adapter_cases, peft_cases, merge_cases, model_cases, decoder_cases, tokenizer_cases, dataset_cases)
    for kind in module.KINDS
]
CASES = [(kind, case) for kind in KINDS for case in kind.cases()]


@pytest.fixture(autouse=True)
def quiet(monkeypatch, tmp_path, request):
    """No progress bars, and data sets that stay out of the user's cache."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()
    yield
    datasets.enable_progress_bars()


@pytest.fixture(scope="session")
def good(tmp_path_factory):
    """Good folders by kind, written once, with what loading them gives."""
    made = {}

    def get(kind):
        if kind.name not in made:
            folder = tmp_path_factory.mktemp("good") / "data"
            made[kind.name] = folder, kind.write(folder)
        return made[kind.name]

    return get


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_undamaged_folders_load(kind, good, tmp_path):
    folder, expected = good(kind)
    result, sentence = attempt(kind, shutil.copytree(folder, tmp_path / "data", symlinks=True))
    assert sentence == ""
    if isinstance(expected, torch.Tensor):
        torch.testing.assert_close(result, expected, rtol=0, atol=1e-6)
    else:
        assert result == expected


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("kind", "case"), CASES, ids=[f"{kind.name}: {case.name}" for kind, case in CASES])
def test_hostile_folders(kind, case, good, tmp_path, record_property):
    folder = shutil.copytree(good(kind)[0], tmp_path / "data", symlinks=True)
    case.damage(folder)
    result, sentence = attempt(kind, folder)
    record_property(HOSTILE, f"{kind.name}: {'refused' if sentence else 'loaded'}")
    if sentence:
        check_sentence(case, sentence)
    else:
        assert case.may_load, f"loaded as {result}"


def test_cases_are_many_and_most_must_be_refused():
    """At least 200 folders, all different, none of the kinds only with damage that may do no harm."""
    assert len(CASES) >= 200
    names = Counter((kind.name, case.name) for kind, case in CASES)
    assert not [name for name, number in names.items() if number > 1]
    must = Counter(kind.name for kind, case in CASES if not case.may_load)
    assert sum(must.values()) > 0.5 * len(CASES)
    for kind in KINDS:
        assert must[kind.name] >= 4, kind.name


def test_the_traces_would_show(tmp_path):
    """The code that the folders hold would leave its trace if it ran."""
    folder = tmp_path / "data"
    folder.mkdir()
    plant(folder, "evil.py")
    exec(Path(folder, "evil.py").read_text())
    assert executed(folder).is_file()
    executed(folder).unlink()
    pickle.loads(pickle.dumps(payload(folder)))
    assert executed(folder).is_dir()
