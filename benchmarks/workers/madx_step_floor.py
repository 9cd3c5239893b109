"""What no language-adapter step can avoid: frozen encoder, gradients to its embeddings, head on masked tokens."""

import torch
from step_server import masked_batch, options, serve, xlm_r_base
from torch.nn.functional import cross_entropy
from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM

chosen = options()
torch.set_num_threads(chosen.threads)
model = XLMRobertaForMaskedLM(XLMRobertaConfig(**xlm_r_base(chosen.vocab))).requires_grad_(False)
rows = masked_batch(chosen.batch, chosen.length, chosen.vocab)
predicted = rows["labels"] != -100


def loss() -> torch.Tensor:
    """Return the mean loss over the masked positions."""
    embedded = model.roberta.embeddings.word_embeddings(rows["input_ids"]).requires_grad_(True)
    states = model.roberta(inputs_embeds=embedded, attention_mask=rows["attention_mask"]).last_hidden_state
    return cross_entropy(model.lm_head(states[predicted]), rows["labels"][predicted])


serve(model, loss)
