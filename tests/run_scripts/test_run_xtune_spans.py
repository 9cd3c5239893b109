"""run_xtune.py from questions on passages to models that answer them: both stages, languages, testing."""

import json

import pytest
import torch
import xtune_runs
from safetensors.torch import load_file
from tiny_runs import refused
from xtune_runs import TESTS, trained_twice, xtune

from xlzoo.modeling.modeling_madx import MadxForQuestionAnswering
from xlzoo.run_scripts.arguments import ModelArguments, parse
from xlzoo.run_scripts.corpora.phrasebook import load_phrasebook
from xlzoo.run_scripts.corpora.sources import load
from xlzoo.run_scripts.corpora.span_views import SpanViewCollator
from xlzoo.run_scripts.encoder_adapters import EncoderAdapterArguments
from xlzoo.run_scripts.objectives.consistency_config import ConsistencyConfig
from xlzoo.run_scripts.xtune_arguments import TaskData, ViewArguments

WINDOWS = ["--max_seq_length", "60", "--doc_stride", "8", "--max_query_length", "24", "--task_name", "tydiqa"]
TRAIN = [*xtune_runs.TRAIN, *WINDOWS]


@pytest.fixture(scope="module")
def both(base, tmp_path_factory):
    """Both stages, tested in three languages."""
    folder = tmp_path_factory.mktemp("both") / "run"
    return folder, xtune(folder, *TRAIN, *TESTS, "--model_name_or_path", base)


def test_both_stages_end_in_models_that_answer(base, both):
    folder, results = both
    for model in trained_twice(base, folder, MadxForQuestionAnswering):
        assert model.qa_outputs.out_features == 2
    assert {"eval_f1", "eval_exact_match", "eval_loss", "test_swh_f1", "test_swh_exact_match"} <= results.keys()
    facts = json.loads((folder / "stage-2/facts.json").read_text())
    assert (
        facts["paper"] == "2106.08226" and "xtune" in facts["tags"] and facts["pipeline_tag"] == "question-answering"
    )


def test_both_scores_are_reported(both):
    folder, results = both
    report = json.loads((folder / "results.json").read_text())
    assert report["metric"] == "f1" and set(report["scores"]["2"]) == {"eng", "swh", "deu"}
    for code in ("eng", "swh", "deu"):
        assert report["scores"]["2"][code] == results[f"test_{code}_f1"]
        assert report["exact_match"]["2"][code] == results[f"test_{code}_exact_match"]
        assert results[f"test_{code}_f1"] >= results[f"test_{code}_exact_match"]
    lines = (folder / "results.md").read_text().splitlines()
    heads = [line for line in lines if line.startswith("| tydiqa")]
    assert [head.split("|")[1].strip() for head in heads] == ["tydiqa f1, %", "tydiqa exact_match, %"]
    assert results["test_mean_exact_match"] == pytest.approx(
        sum(results[f"test_{code}_exact_match"] for code in ("eng", "swh", "deu")) / 3
    )


@pytest.mark.parametrize("kind", ["adapter", "lora"])
def test_adapters_leave_the_encoder_as_it_was_and_are_tested_alone(base, languages, tmp_path, kind):
    flags = {"adapter": ["--train_adapter", "--load_lang_adapter", languages["eng"]], "lora": ["--use_peft"]}[kind]
    results = xtune(tmp_path / "run", *TRAIN, *TESTS, *flags, "--model_name_or_path", base)
    before, last = load_file(base / "model.safetensors"), tmp_path / "run/stage-2"
    if kind == "lora":
        saved, made = load_file(last / "adapter_model.safetensors"), last
        assert all(".lora_" in key or ".qa_outputs." in key for key in saved)
        assert any(value.any() for key, value in saved.items() if "lora_B" in key)
    else:
        whole, made = load_file(last / "model.safetensors"), last / "tydiqa"
        assert all(torch.equal(whole[key], value) for key, value in before.items() if not key.startswith("lm_head"))
        assert (made / "model_head.safetensors").is_file()
    facts = json.loads((made / "facts.json").read_text())
    assert facts["kind"] == {"adapter": "adapter", "lora": "peft"}[kind] and "xtune" in facts["tags"]
    told = {(one["language"], one["name"]): one["value"] for one in facts["metrics"] if one["split"] == "test"}
    assert told["sw", "f1"] == results["test_swh_f1"] and told["de", "exact_match"] == results["test_deu_exact_match"]
    loaded = ["--load_adapter", made, *(flags[1:] if kind == "adapter" else [])]
    test = ["--dataset_name", "phrasebook", *WINDOWS, *TESTS, "--model_name_or_path", base, *loaded]
    alone = xtune(tmp_path / "test", *test)
    assert {key: alone[key] for key in alone if key.endswith(("_f1", "_match", "_loss"))} == pytest.approx(
        {
            key: results[key]
            for key in results
            if key.endswith(("_f1", "_match", "eval_loss", "swh_loss", "deu_loss", "eng_loss"))
        }
    )


def test_a_saved_model_is_tested_as_it_was(both, tmp_path):
    """Without --do_train and without anything that views are made from."""
    folder, results = both
    flags = ["--dataset_name", "phrasebook", *WINDOWS, *TESTS, "--model_name_or_path", folder / "stage-2"]
    tested = xtune(tmp_path / "test", *flags, "--task_name", "xquad")
    for code in ("eng", "swh", "deu"):
        assert tested[f"test_{code}_f1"] == results[f"test_{code}_f1"]
    report = json.loads((tmp_path / "test/results.json").read_text())
    assert report["scores"]["test"]["swh"] == results["test_swh_f1"]
    assert not (tmp_path / "test/model.safetensors").exists()


def squad(path, rows):
    qas = [
        {"context": row["context"], "qas": [{"id": row["id"], "question": row["question"], "answers": [answer]}]}
        for row in rows
        for answer in [{"text": row["answers"]["text"][0], "answer_start": row["answers"]["answer_start"][0]}]
    ]
    path.write_text(json.dumps({"data": [{"title": "", "paragraphs": qas}]}, ensure_ascii=False))
    return path


def test_translations_and_dictionaries_from_files(base, tmp_path):
    """SQuAD's JSON for training and tests; XQuAD's setting with translations: switched words, then German copies."""
    files = {}
    for code in ("eng", "deu"):
        rows = load_phrasebook(code, sizes={"train": 8})["train"]
        files[code] = squad(tmp_path / f"squad.translate.train.en-{code}.json", rows)
    (tmp_path / "dicts").mkdir()
    (tmp_path / "dicts/en-de.txt").write_text("the die\nand und\n")
    flags = [
        "--train_file",
        files["eng"],
        "--test_file",
        files["eng"],
        "--language",
        "en",
        "--do_train",
        "--do_predict",
    ]
    flags += ["--test_language_file", f"de={files['deu']}", "--setting", "translate-train-all", "--max_steps", "3"]
    flags += ["--translations", files["deu"], "--dictionaries", tmp_path / "dicts", "--save_strategy", "no"]
    for name in ("xquad", "mlqa"):
        one = [*flags, *WINDOWS[:-1], name, "--model_name_or_path", base]
        results = xtune(tmp_path / name, *one)
        assert {"test_eng_f1", "test_deu_f1", "test_deu_exact_match", "test_gap_f1"} <= results.keys()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--task_name", "xquad"], "--dictionaries"),
        (["--setting", "translate-train-all"], "--translations"),
        (["--doc_stride", "40"], "--doc_stride"),
        (["--n_best_size", "0"], "--n_best_size"),
        (["--augmentation", "translation", "--translations", "de=x.json"], "--copy_augmentation"),
        (["--copy_augmentation", "translation", "--translations", "x.json"], "de=x.json"),
        (["--task_name", "mlqa", "--augmentation", "subword", "--language", "xxx"], "xxx"),
    ],
)
def test_mistakes_end_before_any_training(base, tmp_path, nothing_starts, flags, words):
    refused(lambda: xtune(tmp_path / "out", *TRAIN, "--model_name_or_path", base, *flags), words)


def test_a_model_without_a_head_is_not_tested(base, tmp_path, nothing_starts):
    flags = ["--dataset_name", "phrasebook", *WINDOWS, "--do_predict", "--model_name_or_path", base]
    refused(lambda: xtune(tmp_path / "out", *flags), "--do_train")


@pytest.mark.parametrize("given", [[], ["--augmentation", "noise"]], ids=["published", "given"])
def test_views_of_the_second_stage_are_others_where_they_were_published_so(base, tmp_path, monkeypatch, given):
    """XQuAD's are of words in other languages, then of words in other pieces; what is given holds for both stages."""
    made = []

    class Noted(SpanViewCollator):
        def __init__(self, tokenizer, view, copy, *rest):
            super().__init__(tokenizer, view, copy, *rest)
            made.append((set(view.kinds), copy and set(copy.kinds)))

    monkeypatch.setattr("xlzoo.run_scripts.stages.xtune_spans.SpanViewCollator", Noted)
    (tmp_path / "en-de.txt").write_text("the die\n")
    files = [] if given else ["--dictionaries", tmp_path]
    xtune(tmp_path / "run", *TRAIN, "--task_name", "xquad", *given, *files, "--model_name_or_path", base)
    views = [{"noise"}, {"noise"}] if given else [{"code_switch"}, {"subword"}]
    assert made == [(views[0], None), (views[1], {"subword"})]


@pytest.mark.parametrize(
    ("task", "setting", "view", "copies", "weight"),
    [
        ("xquad", "cross-lingual-transfer", "code_switch", "subword", 5.0),
        ("mlqa", "cross-lingual-transfer", "code_switch", "subword", 5.0),
        ("tydiqa", "cross-lingual-transfer", "subword", "subword", 5.0),
        ("xquad", "translate-train-all", "code_switch", "translation", 0.1),
        ("mlqa", "translate-train-all", "code_switch", "translation", 0.5),
        ("tydiqa", "translate-train-all", "subword", "translation", 0.3),
    ],
)
def test_defaults_are_the_published_settings(tmp_path, task, setting, view, copies, weight):
    types = (ModelArguments, TaskData, ViewArguments, EncoderAdapterArguments, ConsistencyConfig)
    flags = [
        "--task_name",
        task,
        "--setting",
        setting,
        "--output_dir",
        str(tmp_path),
        "--use_cpu",
        "--report_to",
        "none",
    ]
    _, data, _, _, args = parse(flags, *types)
    assert (args.augmentation, args.copy_augmentation, args.r2_weight) == ([view], [copies], weight)
    assert (args.published.subword_rate, args.published.code_switch_rate, args.published.length) == (0.3, 0.3, 384)
    assert args.r1_weight == 5.0 and not args.hard_labels and args.later_augmentation == ["subword"]
    assert (data.doc_stride, data.max_query_length, data.n_best_size, data.max_answer_length) == (128, 64, 20, 30)


def test_other_languages_are_tested_on_what_they_have(both, monkeypatch, tmp_path):
    """As XQuAD on the Hub has it: validation rows alone, which are those that are evaluated in that language."""

    def without_test(source):
        return {split: rows for split, rows in load(source).items() if split != "test"}

    monkeypatch.setattr("xlzoo.run_scripts.data_arguments.load", without_test)
    flags = ["--dataset_name", "phrasebook", *WINDOWS, "--model_name_or_path", both[0] / "stage-2"]
    tested = xtune(tmp_path / "test", *flags, "--do_predict", "--test_config_name", "sw")
    evaluated = xtune(tmp_path / "eval", *flags, "--do_eval", "--dataset_config_name", "sw")
    assert tested["test_f1"] == evaluated["eval_f1"] and tested["test_loss"] == evaluated["eval_loss"]
