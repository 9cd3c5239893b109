"""Which tokens are masked, and that the draw hangs on seed, epoch and row alone."""

import math
from types import SimpleNamespace

import pytest
import torch

from xlzoo.run_scripts.corpora.collators import MaskingCollator, TaggingCollator, pad, padded

SIZE, MASK, SPECIAL = 5000, 4999, (0, 1, 2, 3, 4999)


class Tokenizer(SimpleNamespace):
    def __len__(self):
        return SIZE


@pytest.fixture
def tokenizer():
    return Tokenizer(mask_token_id=MASK, pad_token_id=1, all_special_ids=list(SPECIAL))


def rows(number=200, length=100, epoch=0):
    """Rows of `length` ordinary tokens between `<s>` and `</s>`."""
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(4, MASK, (number, length), generator=generator).tolist()
    return [{"input_ids": [0, *ids[i], 2], "index": i, "epoch": epoch} for i in range(number)]


def within(count, number, share):
    """Four and a half standard deviations of a binomial: wrong by chance once in 150000."""
    return abs(count - number * share) < 4.5 * math.sqrt(number * share * (1 - share))


def test_shares_of_masked_random_and_kept_tokens(tokenizer):
    given = rows()
    batch = MaskingCollator(tokenizer, 0.15, seed=0)(given)
    original = pad([row["input_ids"] for row in given], 1)
    chosen = batch["labels"] != -100
    number, picked = 200 * 100, int(chosen.sum())
    assert within(picked, number, 0.15)
    assert torch.equal(batch["labels"][chosen], original[chosen])
    assert torch.equal(batch["input_ids"][~chosen], original[~chosen])
    new = batch["input_ids"][chosen]
    masked, kept = (new == MASK), (new == original[chosen])
    assert within(int(masked.sum()), picked, 0.8)
    # A random token is the mask or the old token once in 5000 each: far below the bounds.
    assert within(int(kept.sum()), picked, 0.1)
    replaced = new[~masked & ~kept]
    assert within(len(replaced), picked, 0.1)
    assert replaced.min() < SIZE * 0.1 and replaced.max() > SIZE * 0.9 and len(replaced.unique()) > len(replaced) * 0.9


def test_special_tokens_are_never_chosen(tokenizer):
    ids = list(SPECIAL) * 20
    batch = MaskingCollator(tokenizer, 1.0, seed=0)([{"input_ids": [*ids, 77], "index": 0, "epoch": 0}])
    assert batch["input_ids"][0, :100].tolist() == ids
    assert batch["labels"][0].tolist() == [-100] * 100 + [77] + [-100] * 3


def test_draw_depends_on_seed_epoch_and_index_alone(tokenizer):
    collate, given = MaskingCollator(tokenizer, 0.15, seed=0), rows(number=12)
    whole = collate(given)["input_ids"]
    torch.manual_seed(9)
    parts = [MaskingCollator(tokenizer, 0.15, seed=0)(given[i : i + 3])["input_ids"] for i in (9, 6, 3, 0)]
    assert torch.equal(whole, torch.cat(parts[::-1]))
    changes = {
        "seed": MaskingCollator(tokenizer, 0.15, seed=1)(given)["input_ids"],
        "epoch": collate(rows(number=12, epoch=1))["input_ids"],
        "index": collate([{**row, "index": row["index"] + 1} for row in given])["input_ids"],
    }
    for name, changed in changes.items():
        assert all(not torch.equal(one, other) for one, other in zip(whole, changed, strict=True)), name


def test_padding(tokenizer):
    batch = padded([[5, 6, 7], [8], [9] * 9], pad_token_id=1)
    assert batch["input_ids"].tolist() == [[5, 6, 7] + [1] * 13, [8] + [1] * 15, [9] * 9 + [1] * 7]
    assert batch["attention_mask"].sum(dim=1).tolist() == [3, 1, 9]
    assert batch["attention_mask"][0].tolist() == [1] * 3 + [0] * 13
    tagged = [{"input_ids": [0, 5, 2], "labels": [-100, 4, -100], "place": [3, 1]}]
    found = TaggingCollator(tokenizer)(tagged)
    assert found["labels"].tolist() == [[-100, 4] + [-100] * 6] and found["place"].tolist() == [[3, 1]]
    assert "place" not in TaggingCollator(tokenizer)([{"input_ids": [0, 2], "labels": [-100, -100]}])
