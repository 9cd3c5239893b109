"""A step of sense adaptation as its formulas read, on our modules: all products of senses and all logits are held."""

from adaptation_step import model, plain_loss
from step_server import serve

serve(model, lambda: plain_loss(model.backpack.gpt2_model))
