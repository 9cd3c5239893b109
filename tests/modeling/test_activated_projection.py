"""An MLP that activates again for the gradient against one that keeps all it makes."""

import copy

import pytest
import torch
from torch import nn
from transformers import GPT2Config
from transformers.models.gpt2.modeling_gpt2 import GPT2MLP
from transformers.pytorch_utils import Conv1D

from xlzoo.modeling.activated_projection import ActivatedProjection, ThriftyMLP, project_activated

CONFIG = GPT2Config(n_embd=8, resid_pdrop=0.0, activation_function="gelu_new")


def mlps():
    torch.manual_seed(0)
    stock = GPT2MLP(20, CONFIG)
    thrifty = copy.deepcopy(stock)
    thrifty.__class__ = ThriftyMLP
    return stock, thrifty, torch.randn(2, 3, 8)


@pytest.mark.parametrize("frozen", [(), ("c_proj.weight",), ("c_proj.bias",), ("c_fc.weight", "c_fc.bias")])
def test_outputs_and_gradients_are_those_of_gpt2(frozen):
    stock, thrifty, states = mlps()
    for model in (stock, thrifty):
        for name in frozen:
            model.get_parameter(name).requires_grad_(False)
    inputs = [states.clone().requires_grad_() for _ in range(2)]
    outputs = [model(given) for model, given in zip((stock, thrifty), inputs, strict=True)]
    assert torch.allclose(*outputs, atol=1e-6)
    for output in outputs:
        output.square().sum().backward()
    assert torch.allclose(inputs[0].grad, inputs[1].grad, atol=1e-6)
    for name, parameter in stock.named_parameters():
        other = thrifty.get_parameter(name).grad
        assert (other is None) == (name in frozen)
        assert other is None or torch.allclose(parameter.grad, other, atol=1e-6), name


def test_activations_are_not_kept():
    """Of tensors as wide as the hidden layer only what comes in is kept, where the stock MLP keeps more."""
    kept = []
    for model in mlps()[:2]:
        wide: set[int] = set()

        def note(tensor, wide=wide):
            if tensor.shape[-1] == 20 and tensor.shape[0] in (2, 6):
                wide.add(tensor.untyped_storage().data_ptr())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            output = model(torch.randn(2, 3, 8))
        kept.append(len(wide))
        assert output.requires_grad
    assert kept[1] == 1 < kept[0]


def test_derivatives_in_double_precision():
    torch.manual_seed(0)
    parts = [torch.randn(shape, dtype=torch.double, requires_grad=True) for shape in ((2, 3, 5), (5, 4), (4,))]
    assert torch.autograd.gradcheck(lambda *given: ActivatedProjection.apply(*given, torch.tanh), parts)


def test_autocast_and_adapted_projections():
    """Under autocast it is the stock MLP's half precision; a projection that is more than its weight is called."""
    stock, thrifty, states = mlps()
    with torch.autocast("cpu", torch.bfloat16):
        wanted, got = stock(states), thrifty(states)
    assert got.dtype == torch.bfloat16 and torch.allclose(got, wanted, atol=1e-2)
    got.float().sum().backward()
    assert all(parameter.grad.dtype == torch.float32 for parameter in thrifty.parameters())
    projection = Conv1D(4, 8)
    projection.register_forward_hook(lambda module, inputs, output: output * 2)
    expected = 2 * (nn.functional.relu(states) @ projection.weight + projection.bias)
    assert torch.allclose(project_activated(states, nn.functional.relu, projection), expected, atol=1e-6)
