"""The script: scores derived by hand, languages, files, going on, and what it refuses."""

import json

import pytest
import torch
from known_folders import AFTER, WORDS, write_bigrams, write_rows
from known_models import Known, words_tokenizer
from tiny_runs import refused

from xlzoo.hub_cards.facts import facts_to_json
from xlzoo.hub_cards.facts_reader import facts_from_json
from xlzoo.run_scripts.measuring import eval_tasks
from xlzoo.run_scripts.run_eval import main
from xlzoo.run_scripts.stages import eval_jobs, evaluation


@pytest.fixture(scope="module")
def bigrams(tmp_path_factory):
    return write_bigrams(tmp_path_factory.mktemp("bigrams"), WORDS, AFTER)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """XNLI, XCOPA and MGSM in Swahili, each of a few rows."""
    root = tmp_path_factory.mktemp("data")
    labels = [0, 0, 0, 1, 1, 2]
    write_rows(root / "xnli/sw/validation.jsonl", [{"premise": "Yeye", "hypothesis": "H", "label": n} for n in labels])
    rows = [
        {"premise": "Mvua.", "choice1": "Jua", "choice2": "Mawingu", "question": "cause", "label": label}
        for label in (0, 1, 1, 1)
    ]
    write_rows(root / "xcopa/sw/test.jsonl", rows)
    write_rows(root / "xcopa/sw/val.jsonl", rows[:2])
    (root / "mgsm").mkdir()
    (root / "mgsm/sw.tsv").write_text("Moja?\t18\nMbili?\t1,800\n")
    return root


@pytest.fixture
def measure(bigrams, data):
    def call(*flags, model=bigrams, data=data):
        return main(["--model_path", str(model), "--device", "cpu", "--data_dir", str(data), *map(str, flags)])

    return call


def test_scorings_of_whole_texts(measure):
    """Likelihood, length and mutual information each prefer another answer; labels 0, 1 and 2 are there 3, 2, 1 times.

    "Yeye, sahihi? Ndiyo, H" has probability .5 x .5 x .4 x .5, with "Hivyo," .2 and with "Hapana," .38 instead of .4:
    likelihood prefers "Ndiyo,". Per character: ln .05 / 22 = -.136, ln .025 / 22 = -.168, ln .0475 / 23 = -.133:
    "Hapana,". The prior of "Ndiyo, H" after the start token is .2 x .5, of "Hivyo, H" .05 x .5 and of "Hapana, H"
    .2 x .5; what is left, .4 / .2, .2 / .05 and .38 / .2, is largest for "Hivyo,".
    """
    [(name, found)] = measure("--task", "xnli", "--lang", "Swahili").items()
    assert name == "xnli_sw" and (found["split"], found["examples"]) == ("validation", 6)
    assert found["scores"] == pytest.approx({"acc": 3 / 6, "acc_norm": 1 / 6, "acc_pmi": 2 / 6})
    # A solved row before it changes nothing: the model reads one word back, and the prior does not hold the premise.
    [solved] = measure("--task", "xnli", "--lang", "sw", "--num_fewshot", 1).values()
    assert solved["scores"] == found["scores"]
    # The standard error of a mean of zeros and ones: sqrt(p (1 - p) / (n - 1)).
    assert found["errors"]["acc"] == pytest.approx((0.25 / 5) ** 0.5)


def test_written_answers(measure):
    """The model always writes "ni 18" and stops: right for 18, wrong for 1,800."""
    [found] = measure("--task", "mgsm", "--lang", "swh", "--max_new_tokens", 8).values()
    assert found["scores"]["last_number"] == 0.5
    assert found["scores"]["exact_match, flexible-extract"] == 0.5
    assert found["scores"]["exact_match, remove_whitespace"] == 0.0
    assert found["dataset"] == "juletxara/mgsm" and found["examples"] == 2


XCOPA_WORDS = "<s> </s> Mvua kwa sababu jua mawingu A: B: Answer: A B".split()


class Rain(Known):
    """After "sababu": jua .5, mawingu .4 where it rained, else .8 and .1; after "Answer:" A .3, B .6."""

    def logits(self, input_ids):
        probabilities = torch.full((*input_ids.shape, len(XCOPA_WORDS)), 0.01)
        rained = (input_ids == XCOPA_WORDS.index("Mvua")).cumsum(dim=1) > 0
        for last, there, given in (
            ("sababu", True, {"jua": 0.5, "mawingu": 0.4}),
            ("sababu", False, {"jua": 0.8, "mawingu": 0.1}),
            ("Answer:", True, {"A": 0.3, "B": 0.6}),
        ):
            place = (input_ids == XCOPA_WORDS.index(last)) & (rained == there)
            for word, share in given.items():
                probabilities[..., XCOPA_WORDS.index(word)][place] = share
        return probabilities.log()


def test_prior_without_premise_and_letters(measure, monkeypatch):
    """Labels are 0, 1, 1, 1. Likelihood: .5 > .4, the first. Per character: ln .5 / 3 = -.231 < ln .4 / 7 = -.131.

    Mutual information: .5 / .8 < .4 / .1. Letters: .3 < .6. The probabilities after a word need not sum to one here:
    the softmax divides all of a row by the same number, which is 1.00 for rows with (.5, .4), (.8, .1) and (.3, .6),
    0.9 + 10 x 0.01.
    """
    model = Rain(positions=32, vocab_size=len(XCOPA_WORDS)).eval()
    tokenizer = words_tokenizer(*XCOPA_WORDS, bos_token="<s>", eos_token="</s>", pad_token="</s>")
    monkeypatch.setattr(evaluation, "load_measured", lambda args: (model, tokenizer))
    ways = ["--scoring", "likelihood", "normalized", "pmi", "letter"]
    [found] = measure("--task", "xcopa", "--lang", "swh", "--split", "test", *ways).values()
    assert found["scores"] == {"acc": 0.25, "acc_norm": 0.75, "acc_pmi": 0.75, "acc_letter": 0.75}
    read = {
        tuple(tokenizer.convert_ids_to_tokens([n for n, keep in zip(ids, mask, strict=True) if keep]))
        for rows in model.read
        for ids, mask in zip(*rows, strict=True)
    }
    priors = {row for row in read if "Mvua" not in row and row[1] != "<s>"}  # Those try whether it is causal.
    assert priors and all(row[:3] == ("<s>", "kwa", "sababu") for row in priors)
    few = measure("--task", "xcopa", "--lang", "sw", "--split", "dev", "--scoring", "letter", "--max_samples", 1)
    assert few["xcopa_sw"]["scores"] == {"acc_letter": 0.0} and few["xcopa_sw"]["split"] == "validation"


def test_one_table_json_and_facts(measure, tmp_path, capsys):
    file = tmp_path / "new" / "eval.json"
    asked = ["--task", "xnli", "mgsm", "--lang", "sw", "--max_new_tokens", 8, "--output_file", file]
    results = measure(*asked)
    assert list(results) == ["xnli_sw", "mgsm_direct_sw"]
    assert json.loads(file.read_text())["results"] == results
    table = file.with_suffix(".md").read_text().strip()
    assert table in capsys.readouterr().out
    rows = table.splitlines()
    assert rows[0].startswith("| task | language | split | examples | acc | acc_norm | acc_pmi |")
    assert rows[2].startswith("| xnli | sw | validation | 6 | 0.5000 ± 0.2236 |") and len(rows) == 4
    facts = facts_from_json(file.with_name("eval.facts.json").read_text())
    [found] = [metric for metric in facts.metrics if metric.detail == "by pmi, 0-shot, local files, 6 examples"]
    assert (found.dataset, found.language, found.split) == ("facebook/xnli", "sw", "validation")
    assert (found.task, found.name) == ("text-classification", "accuracy") and found.value == pytest.approx(1 / 3)
    written = {(metric.name, metric.detail.partition(",")[0]) for metric in facts.metrics if metric.value == 0.5}
    assert written >= {("accuracy", "of the last number"), ("exact_match", "flexible-extract")}
    assert len(facts.metrics) == 6 and facts_from_json(facts_to_json(facts)) == facts


def test_a_run_that_died_goes_on(measure, tmp_path, monkeypatch):
    file = tmp_path / "eval.json"
    asked = ["--task", "xnli", "mgsm", "--lang", "sw", "--max_new_tokens", 8, "--output_file", file]
    real, measured = evaluation._measure, []

    def die(job, *others):
        if job.task == "mgsm":
            raise KeyboardInterrupt
        return real(job, *others)

    monkeypatch.setattr(evaluation, "_measure", die)
    with pytest.raises(KeyboardInterrupt):
        measure(*asked)
    monkeypatch.setattr(evaluation, "_measure", lambda job, *others: measured.append(job.name) or real(job, *others))
    resumed = measure(*asked)
    assert measured == ["mgsm_direct_sw"]
    assert resumed == measure(*asked[:-2]) and file.with_suffix(".md").is_file()
    refused(lambda: measure(*asked, "--scoring", "pmi"), "another run", "--overwrite")


def test_published_command(measure, bigrams, data):
    """The published flags run as they are, in half precision too, and the recipe is the same."""
    flags = "--task xcopa --lang swh --split test --batch_size 64 --fp16".split()
    found = measure(*flags)
    recipe = ["recipes/eval_seed.yaml", "--model_path", str(bigrams), "--data_dir", str(data), "--device", "cpu"]
    assert found == main(recipe)
    assert found["xcopa_sw"]["examples"] == 4 and found["xcopa_sw"]["split"] == "test"


ALL_TASKS = eval_tasks._tasks


def few_tasks(task):
    """Tasks outside of a family are looked for among XCOPA's: reading all of lm-eval's takes many seconds."""
    return ALL_TASKS(task if eval_tasks.family_of(task) else "xcopa")


@pytest.mark.parametrize(
    ("flags", "parts"),
    [
        ("--task xcopa", ["choose with --lang"]),
        ("--task xcopa --lang klingonish", ["unknown language"]),
        ("--task xcopa --lang tr", ["xcopa has no 'tr' (tur), only sw"]),
        ("--task xcopa --lang sw --split train", ["no train split, only"]),
        ("--task xcopa --lang sw --scoring best", ["--scoring is 'best'", "likelihood"]),
        ("--task xcopa_sw --lang sw", ["leave --lang out"]),
        ("--task xcopa_sw", ["leave --data_dir out"]),
        ("--task nosuch --lang sw", ["--task nosuch is unknown", "belebele"]),
        ("--task xcopa --lang sw --output_file table.md", ["ending in .json"]),
        ("--task tatoeba --lang sw", ["holds no data", "swh-eng.swh"]),
        ("--task xcopa --lang sw --batch_size 0", ["batch_size"]),
    ],
)
def test_mistakes_are_told_before_the_model_is_loaded(measure, monkeypatch, flags, parts):
    monkeypatch.setattr(evaluation, "load_measured", lambda args: pytest.fail("the model was about to be loaded"))
    monkeypatch.setattr(eval_tasks, "_tasks", few_tasks)
    refused(lambda: measure(*flags.split()), *parts)


def test_without_lm_eval(measure, monkeypatch):
    monkeypatch.setattr(eval_jobs, "find_spec", lambda name: None)
    refused(lambda: measure("--task", "xcopa", "--lang", "sw"), "needs lm-eval", "xlzoo[eval]")


@pytest.mark.parametrize(
    ("line", "parts"),
    [("Moja? 18", ["line 1", "a tab"]), ("Moja?\tkumi", ["whole number"]), ("", ["expected a question"])],
)
def test_damaged_tables(measure, tmp_path, line, parts):
    (tmp_path / "sw.tsv").write_text(f"{line}\n")
    refused(lambda: measure("--task", "mgsm", "--lang", "sw", data=tmp_path), str(tmp_path / "sw.tsv"), *parts)


def test_columns_that_do_not_suit(measure, tmp_path):
    write_rows(tmp_path / "sw/test.jsonl", [{"text": "Mvua."}])
    refused(lambda: measure("--task", "xcopa", "--lang", "sw", data=tmp_path), "xcopa_sw", "cambridgeltl/xcopa")


def test_too_long(measure, tmp_path):
    """What does not fit is cut from the left and counted; an answer that alone is too long is refused."""
    long = " ".join(["Mvua"] * 40)
    row = {"premise": f"{long}.", "choice1": "jua", "choice2": "mawingu", "question": "cause", "label": 0}
    write_rows(tmp_path / "sw/test.jsonl", [row])
    asked = ["--task", "xcopa", "--lang", "sw"]
    assert measure(*asked, data=tmp_path)["xcopa_sw"]["examples"] == 1
    write_rows(tmp_path / "sw/test.jsonl", [{**row, "choice2": long}])
    refused(lambda: measure(*asked, data=tmp_path), "40 tokens", "reads only 32")
    refused(lambda: measure(*asked, "--max_length", 33, data=tmp_path), "--max_length is 33", "at most 32")
    refused(lambda: measure("--task", "mgsm", "--lang", "sw"), "--max_new_tokens is 256", "32")


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({"label": 2}, ["the right answer is 2, row 1"]),
        ({"label": None}, ["right answer is None"]),
        ({"choice2": ""}, ["IndexError"]),
        ({"question": "why"}, ["KeyError", "why"]),
        ({"premise": None}, ["AttributeError"]),
    ],
)
def test_damaged_rows_are_told_before_the_model_is_loaded(measure, monkeypatch, tmp_path, change, parts):
    monkeypatch.setattr(evaluation, "load_measured", lambda args: pytest.fail("the model was about to be loaded"))
    row = {"premise": "Mvua.", "choice1": "jua", "choice2": "mawingu", "question": "cause", "label": 0}
    write_rows(tmp_path / "sw/test.jsonl", [row, {**row, **change}])
    refused(lambda: measure("--task", "xcopa", "--lang", "sw", data=tmp_path), "xcopa_sw", *parts)
