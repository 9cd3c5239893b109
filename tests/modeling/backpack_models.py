"""Tiny Backpacks, batches for them, and the architecture's formulas written out plainly."""

import torch
from tiny_models import TINY_BACKPACK
from torch.nn.functional import gelu, layer_norm
from transformers import GPT2Config, GPT2Model

from xlzoo.modeling.configuration_backpack import BackpackGPT2Config
from xlzoo.modeling.modeling_backpack import BackpackGPT2LMHeadModel


def backpack(cls=BackpackGPT2LMHeadModel, **config):
    """Return a tiny model in evaluation mode, the same one every time."""
    torch.manual_seed(1)
    return cls(BackpackGPT2Config(**{**TINY_BACKPACK, **config})).eval()


def tokens(rows=2, length=9, seed=7):
    """Return random token ids without special ones; some words occur several times."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(3, 20, (rows, length), generator=generator)


def padded(side, lengths=(9, 6, 3)):
    """Return rows of those lengths, padded on one side: the batch, and each row alone."""
    ids = tokens(len(lengths), max(lengths))
    mask = torch.zeros_like(ids)
    alone = []
    for row, length in enumerate(lengths):
        alone.append(ids[row, :length].clone()[None])
        where = slice(0, length) if side == "right" else slice(ids.shape[1] - length, None)
        ids[row], mask[row, where] = 0, 1
        ids[row, where] = alone[-1]
    return {"input_ids": ids, "attention_mask": mask}, alone


def plain_senses(model, ids):
    """Compute the senses `[B, K, L, D]` of the tokens `[B, L]` with plain tensor functions."""
    weights = {key.removeprefix("backpack."): value for key, value in model.state_dict(keep_vars=True).items()}
    width, eps = model.config.n_embd, model.config.layer_norm_epsilon

    def norm(states, key):
        key = f"sense_network.{key}"
        return layer_norm(states, (width,), weights[f"{key}.weight"], weights[f"{key}.bias"], eps)

    def mlp(states, key):
        key = f"sense_network.{key}"
        inner = gelu(states @ weights[f"{key}.c_fc.weight"] + weights[f"{key}.c_fc.bias"], approximate="tanh")
        return inner @ weights[f"{key}.c_proj.weight"] + weights[f"{key}.c_proj.bias"]

    words = weights["word_embeddings.weight"][ids]
    residual = norm(words, "ln") + words
    residual = mlp(norm(residual, "block.ln_1"), "block.mlp") + residual
    flat = mlp(norm(residual, "block.ln_2"), "final_mlp")
    return flat.unflatten(-1, (model.config.num_senses, width)).transpose(1, 2)


def stock_gpt2(model):
    """Return transformers' own GPT-2 that shares this model's tensors, so that gradients reach them too."""
    config = {key: value for key, value in model.config.to_dict().items() if key != "auto_map"}
    trunk = GPT2Model(GPT2Config(**config)).train(model.training)
    own = dict(model.backpack.gpt2_model.named_parameters())
    for name, _ in list(trunk.named_parameters()):
        *path, last = name.split(".")
        setattr(trunk.get_submodule(".".join(path)), last, own[name])
    return trunk


def plain_backpack(model, ids):
    """Compute logits, senses and contextualisation of full rows `[B, L]` as the paper has it, all products held."""
    count, length = model.config.num_senses, ids.shape[1]
    states = stock_gpt2(model)(ids, use_cache=False).last_hidden_state
    attention = model.backpack.sense_weight_net.c_attn
    queries, keys = (states @ attention.weight.T + attention.bias).unflatten(-1, (2, count, -1)).unbind(2)
    scores = torch.einsum("bqkd,btkd->bkqt", queries, keys) / queries.shape[-1] ** 0.5
    future = torch.ones(length, length).triu(1).bool()
    contextualization = scores.masked_fill(future, -1e4).softmax(-1)
    senses = plain_senses(model, ids)
    mixed = (contextualization @ senses).sum(1)
    return mixed @ model.lm_head.weight.T, senses, contextualization
