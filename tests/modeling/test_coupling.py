"""NICE: exact inverse, and numbers worked out by hand."""

import pytest
import torch

from xlzoo.modeling.coupling import NiceCoupling


@pytest.mark.parametrize(("features", "factor", "activation"), [(32, 2, "relu"), (7, 2, "gelu"), (48, 5, "swish")])
def test_inverse_undoes_forward(features, factor, activation):
    torch.manual_seed(0)
    coupling = NiceCoupling(features, factor, activation).double()
    states = torch.randn(2, 5, features, dtype=torch.double)
    assert torch.allclose(coupling.inverse(coupling(states)), states, atol=1e-12)
    assert torch.allclose(coupling(coupling.inverse(states)), states, atol=1e-12)
    assert (coupling(states) - states).abs().max() > 0.01


def test_by_hand():
    """F(x) = relu(2x + 1) * 3, G(x) = relu(x) * -1 + 2, at x = [1, 0.5]: y1 = 1 + 6 = 7, y2 = 0.5 + (-7 + 2)."""
    coupling = NiceCoupling(2, 1, "relu")
    values = {"F.0": (2.0, 1.0), "F.2": (3.0, 0.0), "G.0": (1.0, 0.0), "G.2": (-1.0, 2.0)}
    for name, (weight, bias) in values.items():
        coupling.get_submodule(name).weight.data.fill_(weight)
        coupling.get_submodule(name).bias.data.fill_(bias)
    assert coupling(torch.tensor([1.0, 0.5])).tolist() == [7.0, -4.5]
