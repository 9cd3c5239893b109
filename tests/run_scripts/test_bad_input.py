"""Whatever is wrong with model, adapter or tokenizer ends in one sentence, before any training starts."""

import json
import pickle
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_runs import make_checkpoint, refused, train_language_adapter
from transformers import Trainer

PHRASES = ["--dataset_name", "phrasebook"]
pytestmark = pytest.mark.usefixtures("nothing_starts")


class Touch:
    """A pickle that leaves a file when it is executed."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


# Adapters


@pytest.fixture
def adapter(languages, tmp_path):
    """A copy of a sound adapter, to be damaged."""
    return shutil.copytree(languages["eng"], tmp_path / "adapter")


def test_unknown_adapters_and_kinds(base, languages, ner, mlm, tmp_path):
    model = [*PHRASES, "--train_adapter", "--model_name_or_path", base]
    refused(lambda: mlm(*model, "--adapter_config", "wide"), "adapter kind 'wide'", "seq_bn_inv")
    refused(lambda: mlm(*model, "--adapter_config", "seq_bn[reduction_factor=few]"), "reduction_factor", "few")
    refused(lambda: mlm(*model, "--adapter_config", "seq_bn[width=3]"), "width")
    refused(lambda: mlm(*model, "--adapter_name", "../../x"), "../../x", "cannot name an adapter")
    for name in (tmp_path / "none", "nobody/nothing", "a/b/c"):
        refused(lambda name=name: ner(*PHRASES, "--load_adapter", name), str(name), "folder")
    refused(lambda: ner(*PHRASES, "--load_adapter", base), str(base), "adapter_config.json")
    both = languages["eng"].parent / "copy"
    shutil.copytree(languages["eng"], both, dirs_exist_ok=True)
    refused(lambda: ner(*PHRASES, "--load_adapter", languages["eng"].parent), "several adapters")
    shutil.rmtree(both)


def test_adapters_of_another_size(ner, tmp_path):
    wide = make_checkpoint(tmp_path / "wide", hidden_size=48)
    deep = make_checkpoint(tmp_path / "deep", num_hidden_layers=3)
    made = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "__init__", ORIGINAL)
        made = {path.name: train_language_adapter(path, tmp_path / f"{path.name}-run", "eng") for path in (wide, deep)}
    train = [*PHRASES, "--train_adapter", "--load_lang_adapter"]
    refused(lambda: ner(*train, made["wide"]), "hidden_size", "48", "32")
    refused(lambda: ner(*train, made["deep"]), "encoder.layer.2.output.adapters", "2 layers")
    refused(lambda: ner(*train, made["deep"], "--model_name_or_path", wide), "hidden_size", "32", "48")


ORIGINAL = Trainer.__init__


def test_damaged_adapters(adapter, ner, tmp_path):
    call = lambda: ner(*PHRASES, "--train_adapter", "--load_lang_adapter", adapter)  # noqa: E731
    weights, sound = adapter / "adapter.safetensors", (adapter / "adapter.safetensors").read_bytes()
    weights.write_bytes(sound[: len(sound) // 2])
    refused(call, "adapter.safetensors", "truncated or damaged")
    weights.write_bytes(sound)
    tensors = load_file(weights)
    key = sorted(tensors)[0]
    tensors[key] = tensors[key] * float("nan")
    save_file(tensors, weights)
    refused(call, key, "NaN")
    tensors.pop(key)
    save_file(tensors, weights)
    refused(call, "is missing")
    weights.unlink()
    refused(call, "neither adapter.safetensors nor")
    (adapter / "pytorch_adapter.bin").write_bytes(pickle.dumps(Touch(tmp_path / "executed")))
    refused(call, "pytorch_adapter.bin", "not executed")
    torch.save({"x": Touch(tmp_path / "executed")}, adapter / "pytorch_adapter.bin")
    refused(call, "pytorch_adapter.bin", "not executed")
    assert not (tmp_path / "executed").exists()


def test_adapters_that_climb_or_lie(adapter, ner):
    call = lambda: ner(*PHRASES, "--train_adapter", "--load_lang_adapter", adapter)  # noqa: E731
    path = adapter / "adapter_config.json"
    sound = json.loads(path.read_text())
    for change, words in (
        ({"name": "../../evil"}, ["../../evil", "cannot name an adapter"]),
        ({"name": "other"}, ["adapters.eng"]),
        ({"model_type": "bert"}, ["bert", "xlm-roberta"]),
        ({"config": {**sound["config"], "reduction_factor": "half"}}, ["reduction_factor"]),
        ({"config": {**sound["config"], "phm_layer": True}}, ["phm_layer"]),
    ):
        path.write_text(json.dumps({**sound, **change}))
        refused(call, *words)
    path.write_text(json.dumps(sound)[:40])
    refused(call, "adapter_config.json", "not JSON")


def test_stacks_that_make_no_sense(base, languages, task_run, ner, mlm):
    eng, task = languages["eng"], task_run / "ner"
    test = [*PHRASES, "--do_predict", "--load_adapter"]
    refused(lambda: ner(*test, task, eng), "must come last")
    refused(lambda: ner(*test, eng, eng, task), "same name")
    refused(lambda: ner(*test, eng), "no trained tagger")
    refused(lambda: ner(*PHRASES, "--do_predict"), "no trained tagger", "--do_train")
    model = [*PHRASES, "--model_name_or_path", base]
    refused(lambda: mlm(*model, "--load_lang_adapter", eng), "--load_adapter")
    refused(lambda: mlm(*model, "--load_adapter", eng, languages["swh"], "--train_adapter"), "takes one")
    refused(lambda: mlm(*model, "--load_adapter", eng), "--train_adapter")


# Models and tokenizers


@pytest.fixture
def copy(base, tmp_path):
    return shutil.copytree(base, tmp_path / "copy")


def edit(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: (folder / "config.json").unlink(), ["no config.json"]),
        (lambda folder: (folder / "config.json").write_text('{"model_ty'), ["config.json", "not a valid JSON"]),
        (lambda folder: (folder / "config.json").write_text("{}"), ["model_type"]),
        (lambda folder: edit(folder / "config.json", model_type="bert"), ["bert", "XLM-R"]),
        (lambda folder: edit(folder / "config.json", model_type="nothing"), ["nothing", "XLM-R"]),
        (lambda folder: edit(folder / "config.json", hidden_size="wide"), ["hidden_size", "wide"]),
        (lambda folder: edit(folder / "config.json", num_attention_heads=0), ["num_attention_heads"]),
        (lambda folder: edit(folder / "config.json", hidden_act="wavy"), ["hidden_act", "wavy"]),
        (lambda folder: edit(folder / "config.json", intermediate_size=48), ["intermediate", "(64,)", "(48,)"]),
        (lambda folder: edit(folder / "config.json", vocab_size=250), ["(300,", "(250,"]),
        (lambda folder: edit(folder / "config.json", num_hidden_layers=3), ["lacks", "layer.2"]),
        (lambda folder: (folder / "model.safetensors").unlink(), ["weights", "no file"]),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"\x00" * 40), ["weights", "cannot be loaded"]),
        (lambda folder: save_file({"x": torch.ones(1)}, folder / "model.safetensors", {"format": "pt"}), ["lacks"]),
        (lambda folder: (folder / "tokenizer.json").write_text('{"ver'), ["tokenizer"]),
        (lambda folder: (folder / "tokenizer.json").write_text("{}"), ["tokenizer"]),
        (lambda folder: (folder / "tokenizer.json").unlink(), ["holds no tokenizer", "--tokenizer_name"]),
    ],
)
@pytest.mark.parametrize("script", ["mlm", "ner"])
def test_damaged_checkpoints(copy, request, script, damage, words):
    damage(copy)
    refused(lambda: request.getfixturevalue(script)(*PHRASES, "--do_train", "--model_name_or_path", copy), *words)


def test_checkpoint_with_code_in_its_pickle_does_not_run_it(copy, mlm, tmp_path):
    (copy / "model.safetensors").unlink()
    torch.save({"x": Touch(tmp_path / "executed")}, copy / "pytorch_model.bin")
    refused(lambda: mlm(*PHRASES, "--model_name_or_path", copy), "weights", "cannot be loaded")
    assert not (tmp_path / "executed").exists()


def test_models_that_are_not_there(mlm, ner, base):
    for name in ("nobody/nothing", "a/b/c/d", "./none"):
        refused(lambda name=name: mlm(*PHRASES, "--model_name_or_path", name), name)
        refused(lambda name=name: ner(*PHRASES, "--model_name_or_path", name), name)
    refused(lambda: mlm(*PHRASES, "--model_name_or_path", base, "--tokenizer_name", "nobody/nothing"), "tokenizer")
    refused(lambda: mlm(*PHRASES, "--tokenizer_vocab_size", 200), "--model_name_or_path", "--model_type")
    refused(lambda: mlm(*PHRASES, "--model_type", "bert", "--tokenizer_vocab_size", 200), "xlm-roberta")
    refused(lambda: mlm(*PHRASES, "--model_type", "xlm-roberta"), "--tokenizer_vocab_size")
    refused(lambda: ner(*PHRASES, "--model_name_or_path", base, "--config_overrides", "hidden_size=8"), "new model")


@pytest.mark.parametrize("overrides", ["wide", "width=3", "hidden_size=wide", "adapters=3", "hidden_size=32,,"])
def test_overrides_that_cannot_be_read(base, mlm, overrides):
    new = [*PHRASES, "--model_type", "xlm-roberta", "--tokenizer_name", base, "--config_overrides"]
    refused(lambda: mlm(*new, overrides), "--config_overrides", overrides)


@pytest.mark.parametrize(
    ("override", "word"),
    [
        ("hidden_size=30,num_attention_heads=4", "30"),
        ("hidden_size=0", "hidden_size"),
        ("hidden_size=-12", "hidden_size"),
        ("num_attention_heads=0", "num_attention_heads"),
        ("num_hidden_layers=0", "num_hidden_layers"),
        ("hidden_act=wavy", "wavy"),
        ("hidden_dropout_prob=2", "hidden_dropout_prob"),
        ("max_position_embeddings=2", "max_position_embeddings"),
    ],
)
def test_overrides_that_make_no_encoder(base, mlm, override, word):
    new = [*PHRASES, "--model_type", "xlm-roberta", "--tokenizer_name", base, "--config_overrides"]
    refused(lambda: mlm(*new, override), word)


def test_lengths_and_vocabularies(base, mlm, ner, tmp_path):
    for call in (mlm, ner):
        model = [*PHRASES, "--do_train", "--model_name_or_path", base, "--max_seq_length"]
        for length in (2, 0, -1, 65):
            refused(lambda call=call, model=model, n=length: call(*model, n), f"--max_seq_length {length}", "3 to 64")
    new = [*PHRASES, "--model_type", "xlm-roberta", "--tokenizer_vocab_size"]
    for size in (20, 3, 0, -5):
        refused(lambda size=size: mlm(*new, size), f"--tokenizer_vocab_size {size}", "larger")
    refused(lambda: mlm(*PHRASES, "--model_name_or_path", base, "--tokenizer_vocab_size", 200), "new model")
    refused(lambda: mlm(*new, 200, "--do_predict"), "training text")
    few = make_checkpoint(tmp_path / "few")
    small = make_checkpoint(tmp_path / "small", vocab_size=250)
    refused(lambda: mlm(*PHRASES, "--model_name_or_path", small, "--tokenizer_name", few), "300 pieces", "250")
