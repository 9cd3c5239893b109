"""Repositories named by their Hub id while the Hub is out of reach, and code that the user trusts or does not."""

import shutil

import adapter_cases
import huggingface_hub
import model_cases
import peft_cases
import pytest
import tokenizer_cases
import torch
from cases import executed, plant
from json_cases import edit_json
from model_folders import load_model, write_stock
from transformers import dynamic_module_utils

from xlzoo.modeling.adapter_config import AdapterError
from xlzoo.modeling.configuration_madx import MadxConfig
from xlzoo.run_scripts.arguments import ModelArguments
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.models.encoders import load_tokenizer, read_config

KINDS = [*adapter_cases.KINDS, *peft_cases.KINDS, *model_cases.KINDS[:5], tokenizer_cases.KINDS[0]]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_unknown_names_are_refused_as_out_of_reach(kind):
    for name in ("nobody/nothing", "./nobody/nothing", "a/b/c"):
        with pytest.raises((UserError, AdapterError)) as caught:
            kind.load(name)
        assert name in str(caught.value) and "holds no" not in str(caught.value)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_cached_repositories_load_by_name(kind, tmp_path, monkeypatch):
    """In the Hub's cache every file is a link out of its folder, to a blob."""
    expected = kind.write(tmp_path / "source" / "data")
    repository = tmp_path / "hub" / "models--team--it"
    snapshot, blobs = repository / "snapshots" / ("0" * 40), repository / "blobs"
    for folder in (snapshot, blobs, repository / "refs"):
        folder.mkdir(parents=True)
    (repository / "refs" / "main").write_text("0" * 40)
    for number, file in enumerate(sorted(path for path in (tmp_path / "source" / "data").iterdir() if path.is_file())):
        shutil.copy(file, blobs / str(number))
        (snapshot / file.name).symlink_to(f"../../blobs/{number}")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    for name in ("team/it", str(snapshot)):
        result = kind.load(name)
        assert torch.equal(torch.as_tensor(result), torch.as_tensor(expected))


@pytest.fixture
def coded(tmp_path, monkeypatch):
    """A tokenizer that is code, which leaves a trace when it is imported."""
    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    folder = tmp_path / "coded"
    write_stock(folder)
    plant(folder, "evil.py")
    with (folder / "evil.py").open("a") as file:
        file.write("from transformers import XLMRobertaTokenizer\nclass Fast(XLMRobertaTokenizer):\n    pass\n")
    edit_json("tokenizer_config.json", lambda full: full.update(auto_map={"AutoTokenizer": [None, "evil.Fast"]}))(
        folder
    )
    return folder


def test_tokenizer_code_runs_only_where_the_user_trusts_it(coded):
    name = str(coded)
    with pytest.raises(UserError, match=r"coded' consists of code .* --trust_remote_code"):
        load_tokenizer(ModelArguments(model_name_or_path=name))
    assert not executed(coded).exists()
    tokenizer = load_tokenizer(ModelArguments(model_name_or_path=name, trust_remote_code=True))
    assert type(tokenizer).__name__ == "Fast" and executed(coded).exists()


def test_model_code_is_never_run(coded):
    """The family's own classes load the weights; a model of another type is refused, however much it is trusted."""
    edit_json("tokenizer_config.json", lambda full: full.pop("auto_map"))(coded)
    maps = {"AutoConfig": "evil.Config", "AutoModelForMaskedLM": "evil.Model", "AutoTokenizer": [None, "evil.Fast"]}
    edit_json("config.json", lambda full: full.update(auto_map=maps))(coded)
    assert load_model(coded).shape[-1] == 32
    edit_json("config.json", lambda full: full.update(model_type="evil"))(coded)
    with pytest.raises(
        UserError, match=r"coded' is a 'evil' model, and the code .* not run, with --trust_remote_code"
    ):
        read_config(str(coded), MadxConfig)
    assert not executed(coded).exists()
