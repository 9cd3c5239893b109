"""A step of sense adaptation as its formulas read, on GPT-2 as transformers has it, with the published activations."""

import torch
from adaptation_step import model, plain_loss
from step_server import serve
from transformers import GPT2Config, GPT2Model
from transformers.activations import ACT2FN

fields = {key: value for key, value in model.config.to_dict().items() if key not in ("auto_map", "model_type")}
with torch.device("meta"):
    trunk = GPT2Model(GPT2Config(**fields))
trunk.load_state_dict(model.backpack.gpt2_model.state_dict(), assign=True)
trunk.wte.weight = model.lm_head.weight
model.backpack.gpt2_model = trunk
for network in (model.backpack.sense_network.block.mlp, model.backpack.sense_network.final_mlp):
    network.act = ACT2FN[model.config.activation_function]

serve(model, lambda: plain_loss(trunk))
