"""Which language a test is in, by the names that data sets give their configurations; labels by XTREME's column."""

import json

import pytest

from xlzoo.run_scripts.language_tests import LanguageTests
from xlzoo.run_scripts.pair_arguments import PairSource
from xlzoo.run_scripts.tasks.text_pairs import PAIR_TASKS


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ("de", "deu"),
        ("PAN-X.sw", "swh"),
        ("PAWS-X.zh", "cmn"),
        ("udpos.German", "deu"),
        ("XQuAD.el", "ell"),
        ("MLQA.de.de", "deu"),
        ("MLQA.de.en", "MLQA.de.en"),
        ("tydiqa", "tydiqa"),
        ("mlqa-translate-train.de", "deu"),
    ],
)
def test_configurations_are_known_by_their_language(config, name):
    """Of two languages a configuration keeps its own name, and so does one without any."""
    given = LanguageTests(dataset_name="google/xtreme", dataset_config_name=["PAN-X.en"], test_config_name=[config])
    assert list(given.tests(lambda given: {"test": given.dataset_config_name}, {"test": ["own"]})) == ["eng", name]


def test_labels_of_xnli_as_xtreme_has_them(tmp_path):
    row = {"language": "de", "sentence1": "Er schläft.", "sentence2": "Er ist wach.", "gold_label": "contradiction"}
    (tmp_path / "test.jsonl").write_text(json.dumps(row) + "\n")
    rows = PairSource(test_file=str(tmp_path / "test.jsonl")).pairs(PAIR_TASKS["xnli"])["test"]
    assert rows[0] == {"first": "Er schläft.", "second": "Er ist wach.", "label": "contradiction"}
