"""Language models whose probabilities are set by hand, and tokenizers of a few words."""

import math
from types import SimpleNamespace

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import nn
from transformers import PretrainedConfig as Config
from transformers import PreTrainedModel, PreTrainedTokenizerFast


class Known(PreTrainedModel):
    """A model with three words and nothing to learn; subclasses say what it predicts."""

    config_class = Config

    def __init__(self, positions=8, vocab_size=3):
        super().__init__(Config(vocab_size=vocab_size, max_position_embeddings=positions))
        self.words = nn.Embedding(vocab_size, 1)
        self.read = []
        self.post_init()

    def get_input_embeddings(self):
        return self.words

    def forward(self, input_ids, attention_mask, use_cache):
        assert not use_cache and not self.training and not torch.is_grad_enabled()
        self.read.append((input_ids.tolist(), attention_mask.tolist()))
        return SimpleNamespace(logits=self.logits(input_ids))


class Bigrams(Known):
    """Predicts from the last word alone: row i holds the probabilities after word i."""

    def __init__(self, *rows, **sizes):
        super().__init__(vocab_size=len(rows), **sizes)
        self.table = torch.tensor(rows).log()

    def logits(self, input_ids):
        return self.table[input_ids]


class Countdown(Known):
    """Gives word 1 a probability of 2 ** -n after n words: its losses, in bits, count the words that were read."""

    def logits(self, input_ids):
        read = torch.arange(1.0, input_ids.shape[1] + 1).expand(input_ids.shape)
        return torch.stack([(1 - 2**-read).log(), -read * math.log(2), torch.full_like(read, -math.inf)], dim=-1)


def words_tokenizer(*words, **special):
    """Return a tokenizer of whole words, numbered in order, that are set off by spaces."""
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token=words[0]))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)
