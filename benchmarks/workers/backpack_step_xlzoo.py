"""A training step of our Backpack."""

from backpack_shapes import SENSES, options, tokens
from step_server import serve

from xlzoo.modeling.configuration_backpack import BackpackGPT2Config
from xlzoo.modeling.modeling_backpack import BackpackGPT2LMHeadModel

chosen = options("batch", "length", "threads")
model = BackpackGPT2LMHeadModel(BackpackGPT2Config(**SENSES))
ids = tokens(chosen.batch, chosen.length)
serve(model, lambda: model(ids, labels=ids).loss)
