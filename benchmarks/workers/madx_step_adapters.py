"""A language-adapter step as users of adapters 1.3.0 run it: the stock masked-LM model, wrapped by `adapters.init`."""

import adapters
import torch
from step_server import masked_batch, options, serve, xlm_r_base
from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM

chosen = options()
torch.set_num_threads(chosen.threads)
model = XLMRobertaForMaskedLM(XLMRobertaConfig(**xlm_r_base(chosen.vocab)))
adapters.init(model)
model.add_adapter("lang", config="seq_bn_inv")
model.train_adapter("lang")
rows = masked_batch(chosen.batch, chosen.length, chosen.vocab)
serve(model, lambda: model(**rows).loss)
