"""GPT-2 with its cache, greedy, through transformers' `generate`."""

from backpack_shapes import SMALL, options, tokens
from generation_server import serve
from transformers import GPT2Config, GPT2LMHeadModel

chosen = options("prompt", "threads")
model = GPT2LMHeadModel(GPT2Config(**SMALL, bos_token_id=None, eos_token_id=None)).eval()
ids = tokens(1, chosen.prompt)
serve(lambda number: model.generate(ids, max_new_tokens=number, do_sample=False, pad_token_id=0), chosen.prompt)
