"""What Backpacks are for (Hewitt et al. 2023, sections 3 and 4), on the phrasebook's English.

A Backpack predicts nearly as well as a GPT-2 with as many parameters, and its senses split the uses of a word: after
"was" come properties ("was hungry") and places ("was in the garden"), and each depends on senses of its own.
"""

from dataclasses import dataclass
from statistics import mean

import pytest
import torch
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from xlzoo.modeling.modeling_backpack import BackpackGPT2LMHeadModel
from xlzoo.run_scripts.corpora.phrasebook import UPOS, load_phrasebook
from xlzoo.run_scripts.models.decoders import load_decoder
from xlzoo.run_scripts.run_clm import main

SEEDS = (0, 1, 2)
SHAPES = {
    "backpack": "n_embd=64,n_layer=2,n_head=4,n_positions=64,num_senses=4",
    "gpt2": "n_embd=64,n_layer=4,n_head=4,n_positions=64",
}
"""Two more layers make up for the senses: 324 416 numbers in the Backpack, 299 904 in GPT-2."""
FLAGS = (
    "--dataset_name phrasebook --dataset_config_name eng --tokenizer_vocab_size 1500 --block_size 64 --line_by_line "
    "--per_device_train_batch_size 32 --per_device_eval_batch_size 64 --num_train_epochs 6 --learning_rate 3e-3 "
    "--warmup_steps 20 --lr_scheduler_type cosine --weight_decay 0.01 --adam_beta2 0.98 --do_train --do_eval "
    "--save_strategy no --report_to none --disable_tqdm true"
).split()
WORD, USES = "was", ("ADJ", "ADP")
NEAR, MARGIN = 1.3, 0.2
"""How many times GPT-2's perplexity counts as near, and how many nats more a use must lose than the other one."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The folders and the validation perplexities of both models, by seed."""
    root = tmp_path_factory.mktemp("runs")
    found = {}
    for name, shape in SHAPES.items():
        for seed in SEEDS:
            folder = root / f"{name}-{seed}"
            new = ["--model_type", name, "--config_overrides", shape, "--seed", str(seed)]
            found[name, seed] = folder, main([*FLAGS, *new, "--output_dir", str(folder)])["eval_perplexity"]
    return found


@pytest.mark.effects
def test_a_backpack_predicts_nearly_as_well_as_gpt2(runs):
    scores = {name: [runs[name, seed][1] for seed in SEEDS] for name in SHAPES}
    print(f"perplexity on English: {scores}")
    sizes = {name: load_decoder(str(runs[name, 0][0])).num_parameters() for name in SHAPES}
    assert sizes["gpt2"] > 0.9 * sizes["backpack"]
    assert max(scores["backpack"]) < 15  # Of 1500 pieces, to begin with.
    assert mean(scores["backpack"]) < NEAR * mean(scores["gpt2"])


@dataclass(frozen=True)
class Place:
    """A text up to the word, what comes next, and what part of speech that is."""

    ids: list[int]
    target: int
    use: str


def places(tokenizer: PreTrainedTokenizerBase, split: str, size: int) -> list[Place]:
    """Return the places of the word in sentences of a split, where one of both uses follows."""
    word = tokenizer(WORD, add_special_tokens=False)["input_ids"]
    assert len(word) == 1
    found = []
    for row in load_phrasebook("eng", sizes={split: size})[split]:
        after = [UPOS[tag] for token, tag in zip(row["tokens"], row["pos_tags"][1:], strict=False) if token == WORD]
        ids = tokenizer(row["text"])["input_ids"]
        where = [place for place, token in enumerate(ids[:-1]) if token == word[0]]
        for place, use in zip(where, after, strict=True):
            if use in USES:
                found.append(Place(ids[: place + 1], ids[place + 1], use))
    return found


@torch.no_grad()
def lost(model: BackpackGPT2LMHeadModel, word: int, found: list[Place]) -> torch.Tensor:
    """Return, in nats, how much worse each use is predicted when one sense of the word is removed, `[K, 2]`."""

    def losses() -> torch.Tensor:
        taken = [(-model(torch.tensor([p.ids])).logits[0, -1].log_softmax(-1)[p.target].item(), p.use) for p in found]
        return torch.tensor([mean(loss for loss, use in taken if use == wanted) for wanted in USES])

    before, after = losses(), []
    for sense in range(model.config.num_senses):
        with model.sense_intervention(remove={word: [sense]}):
            after.append(losses())
    return torch.stack(after) - before


@pytest.mark.effects
def test_senses_split_the_uses_of_a_word(runs):
    """The senses are chosen on training sentences, and removed in others."""
    effects = []
    for seed in SEEDS:
        folder = runs["backpack", seed][0]
        model, tokenizer = (
            BackpackGPT2LMHeadModel.from_pretrained(folder).eval(),
            AutoTokenizer.from_pretrained(folder),
        )
        word = tokenizer(WORD, add_special_tokens=False)["input_ids"][0]
        seen = lost(model, word, places(tokenizer, "train", 2000))
        chosen = torch.stack([(seen[:, 0] - seen[:, 1]).argmax(), (seen[:, 1] - seen[:, 0]).argmax()])
        effects.append(lost(model, word, places(tokenizer, "validation", 2000))[chosen])
        print(f"seed {seed}: without senses {chosen.tolist()}, {USES} lose {effects[-1].tolist()} nats")
    property_sense, place_sense = torch.stack(effects).mean(0)
    assert property_sense[0] > property_sense[1] + MARGIN
    assert place_sense[1] > place_sense[0] + MARGIN
