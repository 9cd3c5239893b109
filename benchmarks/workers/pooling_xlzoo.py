"""Our sense pooling."""

from backpack_shapes import options
from pooling_inputs import Inputs
from step_server import serve

from xlzoo.modeling.sense_pooling import pool_senses

chosen = options("batch", "senses", "length", "width", "threads")
inputs = Inputs(chosen.batch, chosen.senses, chosen.length, chosen.width)
serve(inputs, lambda: pool_senses(inputs.senses, inputs.weights, inputs.mask, 0.7)[0].square().sum())
