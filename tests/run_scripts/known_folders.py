"""A stock GPT-2 in a folder that predicts from the last word alone, with probabilities set by hand."""

import json

import torch
from known_models import words_tokenizer
from transformers import GPT2Config, GPT2LMHeadModel

WORDS = "<s> </s> Yeye, sahihi? Ndiyo, Hivyo, Hapana, H Swali: Moja? Mbili? Answer: ni 18".split()
AFTER = {
    "<s>": {"Yeye,": 0.5, "Ndiyo,": 0.2, "Hivyo,": 0.05, "Hapana,": 0.2},
    "Yeye,": {"sahihi?": 0.5},
    "sahihi?": {"Ndiyo,": 0.4, "Hivyo,": 0.2, "Hapana,": 0.38},
    "Ndiyo,": {"H": 0.5},
    "Hivyo,": {"H": 0.5},
    "Hapana,": {"H": 0.5},
    "Answer:": {"ni": 0.6},
    "ni": {"18": 0.6},
    "18": {"</s>": 0.6},
}


def write_rows(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_bigrams(folder, words, after, positions=32):
    """Write a GPT-2 over `words`, of which the first starts a text and the second ends it.

    `after` maps a word to the probabilities of some words after it; the others share what is left. The attention and
    the MLP of the only layer add nothing, so that the state of a word is its normalised one-hot vector, which the last
    layer norm is set to turn back into the one-hot vector itself; the head holds the logarithms.
    """
    size = len(words)
    table = torch.empty(size, size)
    for place, word in enumerate(words):
        given = after.get(word, {})
        table[place] = (1 - sum(given.values())) / (size - len(given))
        for other, share in given.items():
            table[place, words.index(other)] = share
    ends = {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    config = GPT2Config(
        vocab_size=size, n_embd=size, n_layer=1, n_head=1, n_positions=positions, tie_word_embeddings=False, **ends
    )
    model = GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for parameter in model.transformer.h.parameters():
            parameter.zero_()
        model.transformer.wpe.weight.zero_()
        model.transformer.wte.weight.copy_(torch.eye(size))
        spread = (1 / size * (1 - 1 / size) + config.layer_norm_epsilon) ** 0.5
        model.transformer.ln_f.weight.fill_(spread)
        model.transformer.ln_f.bias.fill_(1 / size)
        model.lm_head.weight.copy_(table.log().T)
    model.save_pretrained(folder)
    words_tokenizer(*words, bos_token=words[0], eos_token=words[1], pad_token=words[1]).save_pretrained(folder)
    return folder
