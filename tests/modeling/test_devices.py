"""Every tensor that the models make lies where their weights lie: on a GPU that is there in name only."""

import pytest
import torch
from alignment.tiny import PAIRS, aligner, tokenizer
from fake_gpu import FakeGpu, WrongDevice, is_on
from tiny_models import TINY_BACKPACK, TINY_ENCODER

from xlzoo.modeling import modeling_madx
from xlzoo.modeling.configuration_backpack import BackpackGPT2Config
from xlzoo.modeling.configuration_madx import MadxConfig
from xlzoo.modeling.modeling_backpack import BackpackGPT2LMHeadModel

LABELS = {
    "MadxForMaskedLM": {"labels": torch.tensor([[-100, 5, -100, 7], [-100, -100, 9, -100]])},
    "MadxForTokenClassification": {"labels": torch.tensor([[0, 1, -100, 1], [1, 0, 1, -100]])},
    "MadxForSequenceClassification": {"labels": torch.tensor([1, 0])},
    "MadxForQuestionAnswering": {"start_positions": torch.tensor([1, 0]), "end_positions": torch.tensor([2, 0])},
}


@pytest.fixture
def gpu():
    with FakeGpu() as mode:
        yield mode


@pytest.fixture
def rows(gpu):
    """Two rows for an encoder, the second one shorter."""
    ids = torch.tensor([[0, 5, 6, 2], [0, 7, 2, 1]])
    return gpu.put({"input_ids": ids, "attention_mask": (ids != 1).long()})


def test_the_gpu_in_name_refuses_what_a_real_one_does(gpu):
    there = gpu.put(torch.ones(2, 3))
    assert is_on(there.exp()[0]) and is_on(torch.zeros(3, device=there.device)) and there.is_cuda
    assert not is_on(there.cpu()) and not is_on(there.to("cpu")) and is_on(torch.ones(1).to(there))
    (there * 2.0 + torch.tensor(1.0))[torch.tensor([0, 1])].cpu().numpy()
    mixed = (
        lambda: there + torch.ones(3),
        lambda: torch.where(there > 0, there, torch.zeros(2, 3)),
        lambda: there.numpy(),
        lambda: gpu.put(torch.nn.Linear(3, 2))(torch.ones(3)),
        lambda: torch.nn.Linear(3, 2)(there),
        lambda: there.masked_fill_(torch.ones(2, 3, dtype=torch.bool), 0),
        lambda: there.__setitem__(0, torch.ones(3)),
    )
    for operation in mixed:
        with pytest.raises(WrongDevice):
            operation()
    assert is_on(torch.nn.Linear(3, 2).to(there.device)(there))


@pytest.mark.parametrize("name", LABELS)
def test_madx(gpu, rows, tmp_path, name):
    """Adapters that are added to a model, or loaded into it, come to it."""
    model = gpu.put(getattr(modeling_madx, name)(MadxConfig(**TINY_ENCODER)))
    model.add_adapter("en", "seq_bn_inv")
    model.add_adapter("task", "seq_bn[scaling=learned]")
    model.set_active_adapters(["en", "task"])
    assert is_on(model(**rows, **gpu.put(LABELS[name])).loss)
    model.save_adapter(tmp_path, "en")
    model.load_adapter(tmp_path, load_as="again")
    model.set_active_adapters(["again", "task"])
    model.eval()(**rows)


@pytest.mark.parametrize("method", ["ot", "argmax", "itermax", "match"])
def test_xlm_align(gpu, method):
    model = gpu.put(aligner())
    found = [model.align(PAIRS, tokenizer(), method=method, encode=encode) for encode in ("joint", "separate")]
    assert all(map(any, found))


def test_backpack(gpu):
    """Training in chunks, evaluation, senses, pooling, a cache that grows, beams, and edited senses."""
    model = gpu.put(BackpackGPT2LMHeadModel(BackpackGPT2Config(**TINY_BACKPACK)))
    ids = gpu.put(torch.tensor([[5, 6, 7, 8], [0, 0, 9, 5]]))
    rows = {"input_ids": ids, "attention_mask": (ids != 0).long()}
    assert is_on(model.train()(**rows, labels=ids, label_smoothing=0.1, sense_pool_temperature=0.7).loss)
    model.eval()(**rows, labels=ids, output_senses=True, output_contextualization=True)
    for beams in (1, 2):
        assert is_on(model.generate(**rows, max_new_tokens=3, num_beams=beams, do_sample=False))
    with model.sense_intervention(scale={5: {0: 2.0}}, replace={7: {1: torch.ones(32)}}):
        model(**rows)
        assert is_on(model.sense_vectors([5, 7]))
    model.sense_weights(**rows)
    model.top_words([4, 5], 3)
