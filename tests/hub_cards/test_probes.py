"""The copy of a model must answer like the original: honest ones pass, and each change is found and named."""

import shutil

import pytest
import torch
from asked_here import ask_here
from probe_tools import NAMED, edit, edit_tensors, made, madx, refused
from safetensors.torch import load_file
from tiny_models import TINY_ENCODER
from transformers import (
    BartConfig,
    BartForSequenceClassification,
    GPT2Config,
    GPT2ForSequenceClassification,
    GPT2LMHeadModel,
    T5Config,
    T5ForConditionalGeneration,
    ViTConfig,
    ViTModel,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
    XLMRobertaForMultipleChoice,
    XLMRobertaForTokenClassification,
    XLMRobertaModel,
    XLMRobertaTokenizer,
)

from xlzoo.hub_cards import PublishError, probes
from xlzoo.hub_cards.comparing import require_same
from xlzoo.hub_cards.fresh.probing import make_batch, write_answer

LAYER = "roberta.encoder.layer.1.output.dense.weight"


@pytest.fixture
def here(monkeypatch, tmp_path_factory):
    """Ask in this process, for the sake of time."""
    ask_here(monkeypatch, tmp_path_factory.mktemp("modules"))


@pytest.fixture(scope="module")
def tagger(tmp_path_factory):
    """A stock tagger, its folder, and its probe."""
    work = tmp_path_factory.mktemp("tagger")
    model = made(XLMRobertaForTokenClassification, XLMRobertaConfig(**TINY_ENCODER, **NAMED))
    model.save_pretrained(work / "model")
    return model, work / "model", probes.record_model(model, work / "probe")


def config(**values):
    return lambda folder: edit(folder / "config.json", lambda full: full.update(values))


def weights(change):
    return lambda folder: edit_tensors(folder / "model.safetensors", change)


def unused_row(tensors):
    """Change the last position, for which the batch is too short."""
    tensors["roberta.embeddings.position_embeddings.weight"][-1] += 1


# What is done to a copy of the folder, and words of the sentence.
CHANGES = {
    "a weight": (weights(lambda t: t[LAYER].mul_(1.01)), "the output logits differs by up to "),
    "an unused row": (weights(unused_row), "the tensor roberta.embeddings.position_embeddings.weight holds other"),
    "heads": (config(num_attention_heads=2), "the output logits differs by up to "),
    "activation": (config(hidden_act="relu"), "the output logits differs by up to "),
    "epsilon": (config(layer_norm_eps=1e-2), "the output logits differs by up to "),
    "padding": (config(pad_token_id=7), "the output logits differs by up to "),
    "layers": (config(num_hidden_layers=2), "the output logits differs by up to "),
    "one layer more": (config(num_hidden_layers=4), "the weights lack roberta.encoder.layer.3."),
    "missing tensor": (weights(lambda t: t.pop(LAYER)), f"the weights lack {LAYER} and 0 more"),
    "other shape": (weights(lambda t: t.update({LAYER: torch.zeros(3, 3)})), "Loading the staged copy fails"),
    "NaN": (weights(lambda t: t[LAYER].fill_(torch.nan)), "the output logits of the model holds NaN or infinite"),
    "infinity": (weights(lambda t: t["classifier.bias"].fill_(torch.inf)), "holds NaN or infinite values"),
    "half weights": (weights(lambda t: t.update({k: v.half() for k, v in t.items()})), "the output logits differs by"),
    "half": (config(dtype="float16"), "the output logits is of type torch.float16 and not torch.float32"),
    "labels": (
        config(id2label={"0": "O", "1": "I-LOC", "2": "B-LOC"}, label2id={"O": 0, "I-LOC": 1, "B-LOC": 2}),
        "its labels are 0 O, 1 I-LOC, 2 B-LOC and not 0 O, 1 B-LOC, 2 I-LOC",
    ),
    "architecture": (
        config(architectures=["XLMRobertaModel"]),
        "the weights lack pooler.dense.bias",
    ),
    "no architecture": (config(architectures=None), "config.json names no architectures"),
    "unknown architecture": (config(architectures=["Toy"]), "no Auto class loads a Toy of model_type 'xlm-roberta'"),
    "type": (config(model_type="toy"), "Loading the staged copy fails"),
    "vocabulary": (config(vocab_size=10**6), "Loading the staged copy fails"),
    "no config": (lambda folder: (folder / "config.json").unlink(), "Loading the staged copy fails"),
    "tokenizer": (
        lambda folder: (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "XLMRobertaTokenizer", '),
        "Loading the staged copy fails",
    ),
}


@pytest.mark.parametrize("change, words", CHANGES.values(), ids=CHANGES)
def test_changed_model_is_refused(tagger, here, tmp_path, change, words):
    _, folder, probe = tagger
    shutil.copytree(folder, tmp_path / "copy")
    change(tmp_path / "copy")
    assert words in refused(probe, tmp_path / "copy", tmp_path)


def test_copy_of_a_model_passes_and_leaves_nothing_behind(tagger, here, tmp_path):
    _, folder, probe = tagger
    probes.check_probe(probe, folder, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_tokenizer_must_fit_the_model(tagger, here, tmp_path):
    _, folder, probe = tagger
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    for size, copy in ((TINY_ENCODER["vocab_size"], "fitting"), (TINY_ENCODER["vocab_size"] + 1, "larger")):
        shutil.copytree(folder, tmp_path / copy)
        pieces = [*special, *(f"▁{number}" for number in range(size - 5)), "<mask>"]
        XLMRobertaTokenizer(vocab=[(piece, 0.0) for piece in pieces]).save_pretrained(tmp_path / copy)
    probes.check_probe(probe, tmp_path / "fitting", tmp_path)
    assert "the tokenizer has 121 pieces, but the model only 120" in refused(probe, tmp_path / "larger", tmp_path)


def test_asking_leaves_the_model_as_it_was(tagger, tmp_path):
    model, _, _ = tagger
    model.train()
    model.classifier.eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    probes.record_model(model, tmp_path)
    assert model.training and model.dropout.training and not model.classifier.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    model.eval()


def test_model_that_answers_nan_is_refused_at_once(tmp_path):
    model = made(XLMRobertaModel, XLMRobertaConfig(**TINY_ENCODER))
    model.encoder.layer[0].output.dense.bias.data[0] = torch.nan
    with pytest.raises(PublishError, match=r"XLMRobertaModel cannot be asked .*: the output last_hidden_state of the"):
        probes.record_model(model, tmp_path)


SMALL = {"vocab_size": 50, "d_model": 16}
GPT2 = {"vocab_size": 50, "n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 32, "bos_token_id": 1}
BART = {f"{part}_{key}": 2 for part in ("encoder", "decoder") for key in ("layers", "attention_heads")}
BART |= {"encoder_ffn_dim": 16, "decoder_ffn_dim": 16, "max_position_embeddings": 32, "eos_token_id": 2}
CLASSES = {
    GPT2LMHeadModel: GPT2Config(**GPT2, eos_token_id=1, pad_token_id=50),
    GPT2ForSequenceClassification: GPT2Config(**GPT2, eos_token_id=1, pad_token_id=0, num_labels=3),
    T5ForConditionalGeneration: T5Config(**SMALL, d_kv=8, d_ff=16, num_layers=2, num_heads=2),
    BartForSequenceClassification: BartConfig(**SMALL, **BART, num_labels=3),
    XLMRobertaForMultipleChoice: XLMRobertaConfig(**TINY_ENCODER),
    XLMRobertaForMaskedLM: XLMRobertaConfig(**{**TINY_ENCODER, "max_position_embeddings": 8}),
}


@pytest.mark.parametrize("cls, config", CLASSES.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_model_of_each_shape_can_be_asked(cls, config, here, tmp_path):
    model = made(cls, config)
    model.save_pretrained(tmp_path / "model")
    probe = probes.record_model(model, tmp_path / "probe")
    batch = load_file(probe.answer / "batch.safetensors")
    ids, mask = batch["input_ids"].reshape(2, -1), batch["attention_mask"].reshape(2, -1)
    assert 0 <= ids.min() and ids.max() < config.vocab_size and ids.shape[1] >= 2
    assert mask[0].all() and mask[1, 0] and not mask[1, -1]
    pad = config.pad_token_id or 0
    assert set(ids[1][mask[1] == 0].tolist()) == {pad if pad < config.vocab_size else 0}
    assert ("decoder_input_ids" in batch) == bool(config.is_encoder_decoder)
    assert all(value.isfinite().all() for value in load_file(probe.answer / "outputs.safetensors").values())
    probes.check_probe(probe, tmp_path / "model", tmp_path)
    again = make_batch(model)
    assert again.keys() == batch.keys() and all(torch.equal(again[name], batch[name]) for name in batch)


def test_model_that_reads_no_text_is_refused(tmp_path):
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 8, "patch_size": 4}
    with pytest.raises(PublishError, match=r"The ViTModel cannot be asked .*: config\.json names no vocab_size"):
        probes.record_model(made(ViTModel, ViTConfig(**sizes)), tmp_path)


def test_folder_of_a_model_is_asked_where_no_model_is_alive(tagger, here, tmp_path):
    _, folder, live = tagger
    probe = probes.probe_of_folder(folder, "model", tmp_path / "probe")
    require_same(live.answer, probe.answer)
    shutil.copytree(folder, tmp_path / "copy")
    CHANGES["a weight"][0](tmp_path / "copy")
    assert "the output logits differs" in refused(probe, tmp_path / "copy", tmp_path)


def test_model_with_code_of_its_own_passes_in_a_fresh_process(tmp_path):
    model = madx()
    model.save_pretrained(tmp_path / "model")
    probe = probes.record_model(model, tmp_path / "probe")
    probes.check_probe(probe, tmp_path / "model", tmp_path)
    with pytest.raises(PublishError, match=r"model has code of its own, which config\.json .* --trust_remote_code"):
        probes.probe_of_folder(tmp_path / "model", "model", tmp_path / "other")


def test_code_that_needs_the_project_fails_in_a_fresh_process(tmp_path):
    madx().save_pretrained(tmp_path / "model")
    probe = probes.record_model(madx(), tmp_path / "probe")
    coupling = tmp_path / "model/coupling.py"
    coupling.write_text(coupling.read_text() + "\nfrom xlzoo.modeling import bottleneck\n")
    assert "xlzoo" in refused(probe, tmp_path / "model", tmp_path)


def answer(folder, **outputs):
    write_answer(folder, {}, {name: torch.tensor(value) for name, value in outputs.items()}, {"labels": []})
    return folder


def test_original_and_copy_may_differ_by_rounding_only(tmp_path):
    """By 1e-5 of the largest number, which is 10."""
    original = answer(tmp_path / "original", logits=[10.0, -1.0])
    require_same(original, answer(tmp_path / "copy", logits=[10.0, -1.00009]))
    with pytest.raises(PublishError, match=r"the output logits differs by up to 0\.0002, and 0\.0001 is allowed"):
        require_same(original, answer(tmp_path / "copy", logits=[10.0, -1.0002]))


def test_outputs_must_be_the_same_ones(tmp_path):
    original = answer(tmp_path / "original", logits=[1.0, 2.0])
    with pytest.raises(PublishError, match=r"its outputs are logits, states and not logits\."):
        require_same(original, answer(tmp_path / "copy", logits=[1.0, 2.0], states=[1.0]))
    with pytest.raises(PublishError, match=r"the output logits has shape \(2, 1\) and not \(2,\)"):
        require_same(original, answer(tmp_path / "copy", logits=[[1.0], [2.0]]))
