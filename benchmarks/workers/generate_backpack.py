"""A Backpack with its cache, greedy, through transformers' `generate`."""

from backpack_shapes import SENSES, options, tokens
from generation_server import serve

from xlzoo.modeling.configuration_backpack import BackpackGPT2Config
from xlzoo.modeling.modeling_backpack import BackpackGPT2LMHeadModel

chosen = options("prompt", "threads")
model = BackpackGPT2LMHeadModel(BackpackGPT2Config(**SENSES, bos_token_id=None, eos_token_id=None)).eval()
ids = tokens(1, chosen.prompt)
serve(lambda number: model.generate(ids, max_new_tokens=number, do_sample=False, pad_token_id=0), chosen.prompt)
