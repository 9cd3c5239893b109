"""The second code block of an adapter's card runs in `adapters`, and the model that it makes answers like ours."""

from dataclasses import replace

import pytest
import torch
from peer_process import assert_close, run_worker
from setups import CLASSES, LABELS, inputs, logits
from tiny_models import TINY_ENCODER
from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM

from xlzoo.hub_cards import Facts, publish
from xlzoo.run_scripts.stages.folder_facts import completed

pytestmark = pytest.mark.peers

BASE = "org/base"
# The kind of the adapter, and the head that goes with it; the head of "swh" is that of the base.
ADAPTERS = {"swh": ("seq_bn_inv", "default"), "ner": ("seq_bn", "tagging"), "nli": ("seq_bn", "classification")}


def make(base, name, folder):
    """Save a shaken adapter, and return the model that it is active in."""
    kind, head = ADAPTERS[name]
    named = {} if head == "default" else {"num_labels": len(LABELS)}
    torch.manual_seed(4)
    model = CLASSES[head].from_pretrained(base, **named)
    model.add_adapter(name, kind)
    for _, parameter in model.adapter_parameters(name):
        parameter.data.add_(0.25 * torch.randn_like(parameter))
    model.save_adapter(folder, name, with_head=head != "default")
    model.set_active_adapters(name)
    return model


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """Our logits by adapter, those without it, and those of the code on the published cards."""
    root = tmp_path_factory.mktemp("cards")
    hub, ours, without = root / "hub", {}, {}
    torch.manual_seed(2)
    XLMRobertaForMaskedLM(XLMRobertaConfig(**TINY_ENCODER)).save_pretrained(hub / BASE)
    for name in ADAPTERS:
        model = make(hub / BASE, name, root / name)
        facts = completed(Facts(kind="adapter", base_model=BASE), root / name, None)
        publish(root / name, f"me/{name}", replace(facts, usage_is_executable=False), hub_dir=hub)
        ours[name] = logits(model, "texts")
        model.set_active_adapters(None)
        without[name] = logits(model, "texts")
    request = {"hub": str(hub), "repositories": [f"me/{name}" for name in ADAPTERS]}
    return ours, without, run_worker("card_code", root / "worker", request, inputs())


@pytest.mark.parametrize("name", ADAPTERS)
def test_code_for_adapters_gives_what_ours_gives(answers, name):
    ours, without, theirs = answers
    assert_close(name, ours[name], theirs[f"me/{name}"])
    assert (ours[name] - without[name]).abs().max() > 0.01, "the adapter must matter"
