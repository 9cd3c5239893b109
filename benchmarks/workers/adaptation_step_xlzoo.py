"""A step of sense adaptation as `SenseAdaptationTrainer` takes it."""

import torch
from adaptation_step import TEMPERATURE, ids, joined, labels, mask, model
from step_server import serve

from xlzoo.modeling.sense_pooling import pool_senses


def loss() -> torch.Tensor:
    """Run the model once, for everything."""
    asked = {"output_senses": True, "output_contextualization": True, "output_logits": False, "use_cache": False}
    outputs = model(ids, mask, labels=labels, **asked)
    pooled, _ = pool_senses(outputs.senses, outputs.contextualization, mask, TEMPERATURE)
    return joined(outputs.backpack_hidden_states[:, -1], pooled, outputs.loss)


serve(model, loss)
