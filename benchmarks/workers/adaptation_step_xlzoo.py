"""A step of sense adaptation as `SenseAdaptationTrainer` takes it."""

import torch
from adaptation_step import TEMPERATURE, ids, joined, labels, mask, model
from step_server import serve


def loss() -> torch.Tensor:
    """Run the model once, for everything."""
    asked = {"sense_pool_temperature": TEMPERATURE, "output_logits": False, "use_cache": False}
    outputs = model(ids, mask, labels=labels, **asked)
    return joined(outputs.backpack_hidden_states[:, -1], outputs.sense_vectors, outputs.loss)


serve(model, loss)
