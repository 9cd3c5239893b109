"""Offline, tiny models made from their configurations, and where the real data lies."""

import os
from pathlib import Path

import pytest
import torch
from tiny_models import TINY_ENCODER
from totals import totals

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


def pytest_addoption(parser):
    """Offer what takes too long for every run of the tests."""
    parser.addoption(
        "--data-alone", action="store_true", help="xTune's effects: also train on rows and copies without R1 and R2."
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of effects first: they take minutes, and at the end one worker would be idle beside them."""
    items.sort(key=lambda item: item.get_closest_marker("effects") is None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many faults and hostile folders were tried."""
    for line in totals([*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]):
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with real data beside the checkout; skips where there is none."""
    if not SHARED_DATA.is_dir():
        pytest.skip("no real data beside the checkout")
    return SHARED_DATA


@pytest.fixture
def batch() -> dict[str, torch.Tensor]:
    """Two right-padded rows of 9 and 6 tokens for an encoder of `TINY_ENCODER`'s vocabulary."""
    generator = torch.Generator().manual_seed(7)
    input_ids = torch.randint(4, TINY_ENCODER["vocab_size"], (2, 9), generator=generator)
    input_ids[:, 0] = 0
    attention_mask = torch.ones_like(input_ids)
    input_ids[1, 6:], attention_mask[1, 6:] = 1, 0
    return {"input_ids": input_ids, "attention_mask": attention_mask}
