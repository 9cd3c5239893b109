"""Other families of lm-eval's, tasks by lm-eval's own names, and data from the Hub."""

from pathlib import Path

import lm_eval.tasks
import pytest
from datasets import Dataset, DatasetDict
from known_folders import AFTER, WORDS, write_bigrams, write_rows
from tiny_runs import refused

from xlzoo.run_scripts.corpora.eval_files import open_local
from xlzoo.run_scripts.measuring import eval_tasks
from xlzoo.run_scripts.run_eval import main


@pytest.fixture(scope="module")
def bigrams(tmp_path_factory):
    return write_bigrams(tmp_path_factory.mktemp("bigrams"), WORDS, AFTER)


def call(folder, task):
    return ["--model_path", str(folder), "--device", "cpu", "--task", task]


BELEBELE = {
    "flores_passage": "Mvua.",
    "question": "Nini?",
    **{f"mc_answer{number}": word for number, word in enumerate(("jua", "kwa", "mawingu", "sababu"), start=1)},
    "correct_answer_num": "2",
}
STORY = {f"input_sentence_{number}": "Mvua." for number in range(1, 5)} | {
    "sentence_quiz1": "jua",
    "sentence_quiz2": "mawingu kwa",
    "answer_right_ending": 2,
}


@pytest.mark.parametrize(
    ("task", "row", "name"),
    [("belebele", BELEBELE, "belebele_swh_Latn"), ("xstorycloze", STORY, "xstorycloze_sw")],
)
def test_other_families(bigrams, tmp_path, task, row, name):
    """The model knows none of the words, all as likely: of equals the first wins, and the second is right.

    Of XStoryCloze's endings the second has two words, each of the same probability, and so a smaller likelihood, but
    per character ln p / 3 < 2 ln p / 11.
    """
    write_rows(tmp_path / "sw/test.jsonl", [row] * 2)
    ways = ["--data_dir", str(tmp_path), "--scoring", "likelihood", "normalized"]
    [(found, result)] = main([*call(bigrams, task), "--lang", "sw", *ways]).items()
    assert found == name and result["split"] == "test"
    right = {"acc": 0.0, "acc_norm": float(task == "xstorycloze")}
    assert result["scores"] == right


def test_data_from_the_hub(bigrams, monkeypatch, tmp_path):
    """Names and configurations as they are there; tasks named as lm-eval names them need no language."""
    row = {"premise": "Mvua.", "choice1": "jua", "choice2": "mawingu", "question": "cause", "label": 0}
    write_rows(tmp_path / "sw/test.jsonl", [row] * 2)
    asked = []

    def hub_data(name, config):
        asked.append((name, config))
        return open_local(str(tmp_path), "xcopa").load("sw")

    monkeypatch.setattr(eval_tasks, "hub_data", hub_data)
    by_language = main([*call(bigrams, "xcopa"), "--lang", "swh_Latn"])
    assert main(call(bigrams, "xcopa_sw"))["xcopa_sw"]["scores"] == by_language["xcopa_sw"]["scores"]
    assert asked == [("cambridgeltl/xcopa", "sw")] * 2
    monkeypatch.undo()
    refused(lambda: main([*call(bigrams, "xcopa"), "--lang", "sw"]), "cambridgeltl/xcopa", "--data_dir")


def test_choices_in_the_question(bigrams, monkeypatch):
    """Winogrande's choices stand in the question; lm-eval scores it in its own way. Both are as likely: the first."""
    folder = Path(lm_eval.tasks.__file__).parent / "winogrande"
    manager = lm_eval.tasks.TaskManager(include_defaults=False, include_path=folder)
    monkeypatch.setattr(eval_tasks, "_tasks", lambda task: {task: manager.task_index[task].yaml_path})
    rows = [{"sentence": "Yeye, _ H", "option1": "Mbili?", "option2": "Moja?", "answer": n} for n in "112"]
    monkeypatch.setattr(
        eval_tasks, "hub_data", lambda name, config: DatasetDict({"validation": Dataset.from_list(rows)})
    )
    assert main(call(bigrams, "winogrande"))["winogrande"]["scores"] == pytest.approx({"acc": 2 / 3})
