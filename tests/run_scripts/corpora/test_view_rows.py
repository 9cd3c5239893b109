"""Views of every kind of task: draws that (seed, epoch, row) decide alone, in whatever batch and worker."""

import pytest
from datasets import Dataset
from tiny_runs import sentences
from torch.utils.data import DataLoader

from xlzoo.run_scripts.corpora.pair_views import PairViewCollator, as_pair_rows
from xlzoo.run_scripts.corpora.tagged_views import TaggedViewCollator
from xlzoo.run_scripts.corpora.unigram import sampler_of
from xlzoo.run_scripts.corpora.view_rows import ViewRows
from xlzoo.run_scripts.corpora.views import Augmentation
from xlzoo.run_scripts.models.new_tokenizers import train_tokenizer

NUMBER = 32


def tagged_rows(tokenizer):
    tagged = sentences("eng", NUMBER)
    return Dataset.from_dict({"tokens": tagged["tokens"], "tags": tagged["ner_tags"], "length": [9] * NUMBER})


def pair_rows(tokenizer):
    rows = sentences("eng", NUMBER).select_columns(["premise", "hypothesis"])
    named = rows.rename_columns({"premise": "first", "hypothesis": "second"}).add_column("label", ["a"] * NUMBER)
    return as_pair_rows(named, tokenizer, ["a"], 64)


@pytest.mark.parametrize(("make_rows", "collator"), [(tagged_rows, TaggedViewCollator), (pair_rows, PairViewCollator)])
def test_draws_depend_on_seed_epoch_and_row_alone(make_rows, collator):
    tokenizer = train_tokenizer([row["text"] for row in sentences("eng", 150)], 250)
    rows = ViewRows(make_rows(tokenizer), doubled=True)
    noisy = Augmentation(frozenset({"noise", "subword"}), subword_rate=0.7, sampler=sampler_of(tokenizer, 0.1))

    def drawn(seed, epoch, order, workers=0, size=4):
        rows.start(epoch)
        collate = collator(tokenizer, noisy, noisy, 64, seed)
        loader = DataLoader(rows, batch_size=size, sampler=order, num_workers=workers, collate_fn=collate)
        found, place = {}, 0
        for batch in loader:
            number = len(batch["input_ids"]) // 2
            for row in range(number):
                sides = [
                    batch["input_ids"][i][batch["attention_mask"][i].bool()].tolist() for i in (row, number + row)
                ]
                found[order[place]] = (*map(tuple, sides), *batch["noise"][[row, number + row]].tolist())
                place += 1
        return found

    order = list(range(len(rows)))
    first = drawn(1, 0, order)
    assert drawn(1, 0, order[::-1], workers=2, size=5) == first
    assert all(seeds[2] == 0 and seeds[3] > 0 for i, seeds in first.items() if i < NUMBER)
    assert all(seeds[2] > 0 and seeds[3] > 0 for i, seeds in first.items() if i >= NUMBER)
    for other in (drawn(2, 0, order), drawn(1, 1, order)):
        assert sum(other[i] != first[i] for i in order) == len(order)
    different = sum(first[i][1] != first[NUMBER + i][1] for i in range(NUMBER))
    assert different > NUMBER // 2, "a row and its copy have views of their own"
