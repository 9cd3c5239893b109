"""A language-adapter step of MadxForMaskedLM."""

import torch
from step_server import masked_batch, options, serve, xlm_r_base

from xlzoo.modeling.configuration_madx import MadxConfig
from xlzoo.modeling.modeling_madx import MadxForMaskedLM

chosen = options()
torch.set_num_threads(chosen.threads)
model = MadxForMaskedLM(MadxConfig(**xlm_r_base(chosen.vocab)))
model.add_adapter("lang", "seq_bn_inv")
model.train_adapter("lang")
rows = masked_batch(chosen.batch, chosen.length, chosen.vocab)
serve(model, lambda: model(**rows).loss)
