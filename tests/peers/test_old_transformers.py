"""Published MAD-X folders load, work and save on transformers 4.57.6, and what it saves loads here."""

import pytest
import torch
from peer_process import assert_close, run_worker
from setups import inputs
from tiny_models import TINY_ENCODER

from xlzoo.modeling import modeling_madx
from xlzoo.modeling.configuration_madx import AUTO_MAP, MadxConfig

pytestmark = pytest.mark.peers

NAMES = {auto: path.split(".")[1] for auto, path in AUTO_MAP.items() if auto != "AutoConfig"}


def rows_of(auto):
    return "choices" if auto == "AutoModelForMultipleChoice" else "texts"


def logits(model, auto):
    tensors, rows = inputs(), rows_of(auto)
    with torch.no_grad():
        output = model.eval()(**{part: tensors[f"{rows}.{part}"] for part in ("input_ids", "attention_mask")})
    return torch.stack([output[0], output[1]], -1) if "start_logits" in output else output[0]


def published(cls, folder):
    torch.manual_seed(1)
    model = cls(MadxConfig(**TINY_ENCODER))
    model.add_adapter("en", "seq_bn_inv")
    model.add_adapter("ner", "double_seq_bn[leave_out=[2], scaling=learned]")
    for name in ("en", "ner"):
        for _, parameter in model.adapter_parameters(name):
            parameter.data.add_(0.25 * torch.randn_like(parameter))
    model.set_active_adapters(["en", "ner"])
    model.save_pretrained(folder)
    return model


@pytest.fixture(scope="module")
def models():
    return {}


@pytest.fixture(scope="module")
def answers(models, tmp_path_factory):
    """Our models by Auto class, the folder the worker saved into, and its logits."""
    folder, cases = tmp_path_factory.mktemp("published"), {}
    for auto, name in NAMES.items():
        models[auto] = published(modeling_madx.__dict__[name], folder / name)
        cases[auto] = {"folder": str(folder / name), "auto": auto, "rows": rows_of(auto)}
    cases["encoder_of_a_masked_lm"] = {"folder": str(folder / "MadxForMaskedLM"), "auto": "AutoModel", "rows": "texts"}
    return folder / "worker", run_worker("remote_code", folder / "worker", cases, inputs())


@pytest.mark.parametrize("auto", NAMES)
def test_it_loads_ours(auto, models, answers):
    assert_close(auto, logits(models[auto], auto), answers[1][f"{auto}.loaded"])


def test_it_loads_the_encoder_of_a_masked_lm(models, answers):
    got = logits(models["AutoModelForMaskedLM"].base_model, "AutoModel")
    assert_close("AutoModel", got, answers[1]["encoder_of_a_masked_lm.loaded"])


@pytest.mark.parametrize("auto", NAMES)
def test_we_load_what_it_saved(auto, models, answers):
    """The model it saved again, code included, and the adapter it trained and saved with its head."""
    folder, outputs = answers
    saved = folder / "models" / auto
    assert {"config.json", "model.safetensors", "modeling_madx.py"} <= {path.name for path in saved.iterdir()}
    again = modeling_madx.__dict__[NAMES[auto]].from_pretrained(saved)
    assert again.active_adapters == ["en", "ner"]
    assert_close(f"{auto}, model", logits(again, auto), outputs[f"{auto}.loaded"])
    again.load_adapter(folder / "adapters" / auto, set_active=True, with_head=again.head_type is not None)
    assert_close(f"{auto}, adapter", logits(again, auto), outputs[f"{auto}.adapter"])
