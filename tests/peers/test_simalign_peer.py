"""SimAlign 0.4 and ours give exactly the same links on the same randomly initialised encoder."""

import pytest
import torch
from alignment.tiny import PAIRS, aligner, real_pairs, tokenizer
from peer_process import run_worker
from transformers import XLMRobertaConfig, XLMRobertaModel

from xlzoo.run_scripts.corpora.phrasebook import load_phrasebook

pytestmark = pytest.mark.peers

THEIRS = {"argmax": "inter", "itermax": "itermax", "match": "mwmf"}
RUNS = {
    "embeddings": {"layer": 0, "methods": "ai", "pairs": 100},
    "middle": {"layer": 2, "methods": "ai", "pairs": 200},
    "last": {"layer": 4, "methods": "ai", "pairs": 100},
    # Its matching takes up to a second per pair.
    "matching": {"layer": 2, "methods": "m", "pairs": 8},
}
SHAPE = {"num_hidden_layers": 4, "hidden_size": 64, "intermediate_size": 128, "max_position_embeddings": 130}


def pairs_of_words():
    rows = load_phrasebook("eng-deu", sizes={"test": 100})["test"]["tokens"]
    return [*PAIRS, *((row["eng"], row["deu"]) for row in rows)]


@pytest.fixture(scope="module", params=["phrasebook", "news"])
def found(request, tmp_path_factory):
    """Our model, the pairs, and SimAlign's links."""
    if request.param == "phrasebook":
        pairs = pairs_of_words()
    else:
        pairs = real_pairs(request.getfixturevalue("shared_data"), "de-en", SHAPE["max_position_embeddings"] - 4)[:200]
    folder, model = tmp_path_factory.mktemp(request.param), aligner(**SHAPE)
    stock = XLMRobertaModel(XLMRobertaConfig(**model.config.to_diff_dict() | {"model_type": "xlm-roberta"}), False)
    stock.load_state_dict(model.state_dict())
    stock.save_pretrained(folder / "encoder")
    tokenizer().save_pretrained(folder / "encoder")
    asked = {"model": str(folder / "encoder"), "pairs": pairs, "runs": RUNS}
    return model, pairs, run_worker("simalign_links", folder, asked, {"none": torch.zeros(1)})


@pytest.mark.parametrize("method", THEIRS)
def test_equal_links(method, found):
    model, pairs, theirs = found
    for name, run in RUNS.items():
        if f"{name}.{THEIRS[method]}" not in theirs:
            continue
        links = model.align(pairs[: run["pairs"]], tokenizer(), method, run["layer"], "separate")
        ours = [[number, *link] for number, each in enumerate(links) for link in each]
        assert ours == theirs[f"{name}.{THEIRS[method]}"].tolist(), name
        print(f"{name}, {method}: {len(ours)} links of {min(len(pairs), run['pairs'])} pairs, all equal")
