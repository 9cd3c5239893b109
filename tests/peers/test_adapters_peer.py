"""adapters 1.3.0 and xlzoo read each other's files, and the numbers agree."""

from pathlib import Path

import pytest
import torch
from legacy_folders import LEGACY, make_legacy
from peer_process import assert_close, run_worker
from setups import CLASSES, LABELS, SETUPS, Setup, inputs, logits, one

from xlzoo.modeling.adapter_config import AdapterConfig
from xlzoo.modeling.modeling_madx import MadxForMaskedLM

pytestmark = pytest.mark.peers

SOURCES = SETUPS | {
    "pfeiffer_sized": one("seq_bn", "default"),
    "houlsby_sized": one("double_seq_bn", "default"),
    "double_under_the_base_head": one("double_seq_bn_inv", "default"),
}


def load_base(folder: Path, setup: Setup):
    """Load the stock checkpoint into our class for that head."""
    return CLASSES[setup.head].from_pretrained(folder, **setup.config)


def load_saved(folder: Path, setup: Setup, form: str):
    """Load what `adapters` saved, head included, and activate the stack."""
    model = load_base(folder / "base", setup)
    for name in setup.adapters:
        with_head = setup.head != "default" and name == setup.stack[-1]
        model.load_adapter(folder / form / name, leave_out=setup.leave_out or None, with_head=with_head)
    model.set_active_adapters(setup.stack)
    return model


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    """What `adapters` saved, and the logits it had."""
    folder = tmp_path_factory.mktemp("theirs")
    request = {"labels": LABELS, "setups": {key: setup.as_request() for key, setup in SOURCES.items()}}
    return folder / "setups", run_worker("adapters_save", folder, request, inputs())


def save_ours(saved: Path, setup: Setup, folder: Path):
    """Make fresh adapters on the base that `adapters` loads too, save them and return our logits and the case."""
    model = load_base(saved / "base", setup)
    torch.manual_seed(3)
    places = []
    for name, (kind, options) in setup.adapters.items():
        model.add_adapter(name, AdapterConfig.from_kind(kind, **{**options, **_spelled(options)}))
        for _, parameter in model.adapter_parameters(name):
            parameter.data.add_(0.25 * torch.randn_like(parameter))
    for name in setup.adapters:
        places.append(str(folder / name))
        model.save_adapter(places[-1], name, with_head=setup.head != "default" and name == setup.stack[-1])
    model.set_active_adapters(setup.stack)
    head = "default" if setup.head == "default" else setup.stack[-1]
    case = {"base": str(saved / "base"), "adapters": places, "stack": setup.stack, "head": head, "rows": setup.rows}
    return logits(model, setup.rows), case


def _spelled(options):
    return {"non_linearity": "leaky_relu"} if options.get("non_linearity") == "leakyrelu" else {}


@pytest.fixture(scope="module")
def answers(theirs, tmp_path_factory):
    """Our logits and those of `adapters`, for adapters that we saved and for legacy folders."""
    folder, ours, cases = tmp_path_factory.mktemp("ours"), {}, {}
    for key, setup in SETUPS.items():
        ours[key], cases[key] = save_ours(theirs[0] / key, setup, folder / key)
    for key, form in LEGACY.items():
        place, base = make_legacy(theirs[0], form, folder / "legacy" / key), theirs[0] / form.source / "base"
        model = MadxForMaskedLM.from_pretrained(base)
        model.load_adapter(place, set_active=True)
        ours[key] = logits(model, "texts")
        stack = {"stack": [form.name], "head": "default", "rows": "texts"}
        cases[key] = {"base": str(base), "adapters": [str(place)], **stack}
    return ours, run_worker("adapters_load", folder / "worker", cases, inputs())


@pytest.mark.parametrize("form", ["bin", "safetensors"])
@pytest.mark.parametrize("key", SETUPS)
def test_we_read_theirs(key, form, theirs):
    saved, expected = theirs
    model = load_saved(saved / key, SETUPS[key], form)
    got = logits(model, SETUPS[key].rows)
    assert_close(key, got, expected[key])
    if SETUPS[key].stack:
        model.set_active_adapters(None)
        assert (logits(model, SETUPS[key].rows) - got).abs().max() > 0.01, "the adapters must matter"


@pytest.mark.parametrize("key", ["stack_tagging", "stack_classification"])
def test_their_label_names_come_with_the_head(key, theirs):
    model = load_saved(theirs[0] / key, SETUPS[key], "bin")
    assert [model.config.id2label[index] for index in range(3)] == LABELS


@pytest.mark.parametrize("key", SETUPS)
def test_they_read_ours(key, answers):
    ours, expected = answers
    assert_close(key, ours[key], expected[key])


@pytest.mark.parametrize("key", LEGACY)
def test_legacy_forms(key, answers):
    ours, expected = answers
    assert_close(key, ours[key], expected[key])


def test_legacy_activations_differ(answers):
    """Without a version, gelu is the tanh approximation; the difference is far above the tolerance."""
    ours, _ = answers
    assert torch.equal(ours["gelu_orig_means_gelu"], ours["gelu_with_version"])
    assert (ours["gelu_means_gelu_new"] - ours["gelu_with_version"]).abs().max() > 5e-5
