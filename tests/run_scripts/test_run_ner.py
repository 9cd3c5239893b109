"""Taggers: what is trained and what stays, adapters swapped at test time, and scores that count each word once."""

import json
import math
import shutil

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from tiny_runs import ENCODER, MLM, NER, assert_same, refused, sentences
from transformers import AutoTokenizer, XLMRobertaConfig, XLMRobertaForTokenClassification

from xlzoo.modeling.modeling_madx import MadxForTokenClassification
from xlzoo.run_scripts import run_mlm, run_ner
from xlzoo.run_scripts.corpora.phrasebook import NER_TAGS, load_phrasebook
from xlzoo.run_scripts.models.peft_adapters import load_peft
from xlzoo.run_scripts.objectives.tagging import TaggingTrainer
from xlzoo.run_scripts.tasks.tagging import span_scores, word_accuracy

PHRASES = ["--dataset_name", "phrasebook"]
HEAD = ("model_head.safetensors", "head_config.json")


def ner(folder, *flags):
    return run_ner.main([*NER, "--output_dir", str(folder), *map(str, flags)])


@pytest.fixture
def scored(monkeypatch):
    """(gold, predicted) of each evaluation."""
    original, seen = TaggingTrainer._score, []

    def score(self, prediction):
        task = self.task
        spy = type("Spy", (), {"score": staticmethod(lambda *pair: seen.append(pair) or task.score(*pair))})
        self.task = spy
        found = original(self, prediction)
        self.task = task
        return found

    monkeypatch.setattr(TaggingTrainer, "_score", score)
    return seen


def test_full_training_writes_a_tagger(base, tmp_path):
    results = ner(tmp_path / "run", *PHRASES, "--model_name_or_path", base)
    assert {"eval_f1", "eval_precision", "eval_recall", "eval_accuracy", "train_loss"} <= results.keys()
    model, found = MadxForTokenClassification.from_pretrained(tmp_path / "run", output_loading_info=True)
    assert not found["missing_keys"] and list(model.config.id2label.values()) == list(NER_TAGS)
    before, after = load_file(base / "model.safetensors"), load_file(tmp_path / "run/model.safetensors")
    shared = before.keys() & after.keys()
    moved = [key for key in shared if not torch.equal(before[key], after[key])]
    assert len(moved) > len(shared) * 0.8
    again = ner(tmp_path / "test", *PHRASES, "--do_predict", "--model_name_or_path", tmp_path / "run")
    assert again["test_f1"] >= 0 and "train_loss" not in again and "eval_f1" not in again


def test_task_adapter_leaves_language_and_encoder_as_they_were(base, languages, task_run):
    whole = load_file(task_run / "model.safetensors")
    for key, value in load_file(base / "model.safetensors").items():
        if not key.startswith("lm_head"):
            assert torch.equal(whole[key], value), key
    language = load_file(languages["eng"] / "adapter.safetensors")
    for key, value in language.items():
        inner = key.replace("roberta.invertible", "roberta.embeddings.invertible")
        assert torch.equal(whole[inner], value), key
    names = {path.name for path in (task_run / "ner").iterdir()}
    assert names == {"adapter_config.json", "adapter.safetensors", "facts.json", *HEAD}
    assert all(".adapters.ner." in key for key in load_file(task_run / "ner/adapter.safetensors"))


def test_language_is_swapped_and_labels_come_from_the_head(base, languages, task_run, tmp_path, scored):
    # Swahili words with English tags only for PER: the labels cannot come from this file.
    (tmp_path / "test.conll").write_text("Amina B-PER\nanaishi O\nMjini O\n\nKaribu O\n")
    common = ["--do_predict", "--test_file", tmp_path / "test.conll", "--model_name_or_path", base]
    scores = {}
    for language, folder in languages.items():
        ner(tmp_path / language, *common, "--load_adapter", folder, task_run / "ner")
        gold, scores[language] = scored.pop()
        assert gold == [["B-PER", "O", "O"], ["O"]]
    assert {path.name for path in (tmp_path / "swh").iterdir()} == {"run.json", "all_results.json"}

    # By hand: the same stack and head in a model of its own, word by word.
    model = MadxForTokenClassification.from_pretrained(base, num_labels=7)
    stack = [model.load_adapter(languages["swh"]), model.load_adapter(task_run / "ner", with_head=True)]
    model.set_active_adapters(stack)
    tokenizer, expected = AutoTokenizer.from_pretrained(base), []
    for words in (["Amina", "anaishi", "Mjini"], ["Karibu"]):
        encoded = tokenizer(words, is_split_into_words=True, return_tensors="pt")
        with torch.no_grad():
            best = model.eval()(**encoded).logits[0].argmax(-1)
        expected.append([NER_TAGS[best[encoded.word_ids().index(i)]] for i in range(len(words))])
    assert scores["swh"] == expected


def test_language_adapters_never_bring_their_head(base, languages, task_run, tmp_path, monkeypatch):
    """A tagging head in the language's folder, of other labels and weights, changes nothing."""
    poisoned = shutil.copytree(languages["eng"], tmp_path / "eng")
    head = {key.replace("ner", "eng"): value + 9 for key, value in load_file(task_run / "ner" / HEAD[0]).items()}
    save_file(head, poisoned / HEAD[0])
    config = json.loads((task_run / "ner" / HEAD[1]).read_text())
    config["name"], config["config"]["label2id"] = "eng", {f"B-{i}": i for i in range(7)}
    (poisoned / HEAD[1]).write_text(json.dumps(config))

    test = ["--do_predict", *PHRASES, "--model_name_or_path", base, "--load_adapter"]
    clean = ner(tmp_path / "clean", *test, languages["eng"], task_run / "ner")
    dirty = ner(tmp_path / "dirty", *test, poisoned, task_run / "ner")
    assert clean["test_loss"] == dirty["test_loss"] and clean["test_f1"] == dirty["test_f1"]
    ner(tmp_path / "again", *PHRASES, "--train_adapter", "--load_lang_adapter", poisoned, "--model_name_or_path", base)
    assert_same(tmp_path / "again/ner", task_run / "ner")
    refused(lambda: ner(tmp_path / "alone", *test, poisoned), "no trained tagger", "--adapter_name")


def test_task_adapter_under_another_name_goes_on_training(base, tmp_path):
    flags = [*PHRASES, "--model_name_or_path", base, "--train_adapter", "--adapter_name", "mine"]
    ner(tmp_path / "one", *flags)
    first = load_file(tmp_path / "one/mine" / HEAD[0])["heads.mine.1.weight"]
    ner(tmp_path / "two", *flags, "--load_adapter", tmp_path / "one", "--learning_rate", "0")
    assert torch.equal(load_file(tmp_path / "two/mine" / HEAD[0])["heads.mine.1.weight"], first)
    ner(
        tmp_path / "test",
        *flags[:-3],
        "--adapter_name",
        "mine",
        "--do_predict",
        "--load_adapter",
        tmp_path / "one/mine",
    )


def test_training_goes_on_with_the_labels_in_the_heads_order(base, task_run, tmp_path):
    """Strings would be sorted, which is another order than the head's."""
    (tmp_path / "train.iob2").write_text("Amina B-PER\nlives O\nin O\nNairobi B-LOC\n")
    flags = ["--train_file", tmp_path / "train.iob2", "--model_name_or_path", base, "--train_adapter"]
    ner(tmp_path / "more", *flags, "--load_adapter", task_run / "ner")
    stored = json.loads((tmp_path / "more/ner" / HEAD[1]).read_text())["config"]["label2id"]
    assert stored == {tag: i for i, tag in enumerate(NER_TAGS)}


@pytest.mark.parametrize(
    ("name", "text", "task", "metric"),
    [
        (
            "train.conllu",
            "1\tShe\tshe\tPRON\t_\t_\t2\t_\t_\t_\n2\truns\trun\tVERB\t_\t_\t0\t_\t_\t_\n",
            "pos",
            "accuracy",
        ),
        ("train.txt", "-DOCSTART- -X- O O\n\nAmina NNP B-NP B-PER\nruns VBZ B-VP O\n", "ner", "f1"),
        ("train.iob2", "# sent_id = 1\n1\tAmina\tB-PER\t-\t-\n2\truns\tO\t-\t-\n", "ner", "f1"),
        ("train.jsonl", '{"tokens": ["Amina", "runs"], "ner_tags": ["B-PER", "O"]}\n', "ner", "f1"),
    ],
)
def test_files_of_every_kind(base, tmp_path, scored, name, text, task, metric):
    (tmp_path / name).write_text(text)
    files = ["--train_file", tmp_path / name, "--validation_file", tmp_path / name]
    results = ner(tmp_path / "run", *files, "--task_name", task, "--model_name_or_path", base, "--max_steps", 1)
    gold, predicted = scored[0]
    assert len(gold) == len(predicted) == 1 and len(gold[0]) == len(predicted[0]) == 2
    assert 0 <= results[f"eval_{metric}"] <= 1 and ("eval_f1" in results) == (task == "ner")


@pytest.fixture
def blind(base, tmp_path):
    """A tagger that sees one piece at a time: no positions, and attention that adds nothing."""
    torch.manual_seed(3)
    names = {"id2label": dict(enumerate(NER_TAGS)), "label2id": {tag: i for i, tag in enumerate(NER_TAGS)}}
    model = XLMRobertaForTokenClassification(XLMRobertaConfig(vocab_size=300, **ENCODER, **names))
    model.roberta.embeddings.position_embeddings.weight.data.zero_()
    for layer in model.roberta.encoder.layer:
        for parameter in layer.attention.output.dense.parameters():
            parameter.data.zero_()
    model.save_pretrained(tmp_path / "blind")
    AutoTokenizer.from_pretrained(base).save_pretrained(tmp_path / "blind")
    return tmp_path / "blind"


def test_every_word_is_scored_once_however_short_the_windows(blind, tmp_path, scored):
    common = [*PHRASES, "--do_predict", "--model_name_or_path", blind]
    runs = {
        (length, size): ner(tmp_path / f"{length}-{size}", *common, "--max_seq_length", length, *batch(size))
        for length, size in ((64, 12), (20, 1), (12, 5))
    }
    test = load_phrasebook("eng", sizes={"test": 12})["test"]
    expected = [[NER_TAGS[tag] for tag in tags] for tags in test["ner_tags"]]
    assert all(gold == expected for gold, _ in scored)
    assert scored[0][1] == scored[1][1] == scored[2][1]
    keys = ("test_f1", "test_precision", "test_recall", "test_accuracy")
    assert len({tuple(run[key] for key in keys) for run in runs.values()}) == 1

    tokenizer = AutoTokenizer.from_pretrained(blind)
    model = XLMRobertaForTokenClassification.from_pretrained(blind).eval()
    words = sorted({word for words in test["tokens"] for word in words})
    with torch.no_grad():
        best = {w: NER_TAGS[model(**tokenizer(w, return_tensors="pt")).logits[0, 1].argmax()] for w in words}
    assert scored[0][1] == [[best[word] for word in words] for words in test["tokens"]]
    assert len(set(best.values())) > 1


def batch(size):
    return ["--per_device_eval_batch_size", size]


def test_span_scores_by_hand():
    """Gold has two PER and one LOC, three found: one PER right, one LOC cut short, one ORG that is none."""
    gold = [["B-PER", "I-PER", "O", "B-LOC", "I-LOC"], ["O", "B-PER", "O"]]
    predicted = [["B-PER", "I-PER", "O", "B-LOC", "O"], ["O", "O", "B-ORG"]]
    scores = span_scores(gold, predicted)
    assert (scores["precision"], scores["recall"]) == (pytest.approx(1 / 3), pytest.approx(1 / 3))
    assert scores["f1"] == pytest.approx(1 / 3)
    assert (scores["PER_precision"], scores["PER_recall"]) == (1.0, 0.5)
    assert scores["PER_f1"] == pytest.approx(2 / 3)
    assert (scores["LOC_f1"], scores["ORG_precision"], scores["ORG_recall"]) == (0.0, 0.0, 0.0)
    assert scores["accuracy"] == word_accuracy(gold, predicted)["accuracy"] == 5 / 8


def test_scores_where_there_is_nothing():
    for gold, predicted in (([["O"]], [["O"]]), ([["O"]], [["B-PER"]]), ([["B-PER"]], [["O"]])):
        scores = span_scores(gold, predicted)
        assert (scores["precision"], scores["recall"], scores["f1"]) == (0.0, 0.0, 0.0)
    assert word_accuracy([[]], [[]]) == {"accuracy": 0.0}
    with pytest.raises(ValueError):
        word_accuracy([["O", "O"]], [["O"]])


def test_training_learns(base, tmp_path):
    """A hundred and twenty steps on twenty sentences fit them: the labels stand where the words are."""
    rows = sentences(number=20)
    lines = [{"tokens": r["tokens"], "ner_tags": [NER_TAGS[t] for t in r["ner_tags"]]} for r in rows]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    files = ["--train_file", tmp_path / "t.jsonl", "--validation_file", tmp_path / "t.jsonl"]
    fast = ["--max_steps", 120, "--learning_rate", "5e-3", "--per_device_train_batch_size", 10]
    sure = ["--model_name_or_path", base, "--max_eval_samples", 20]
    assert ner(tmp_path / "run", *files, *sure, *fast)["eval_f1"] > 0.8
    assert not math.isnan(json.loads((tmp_path / "run/all_results.json").read_text())["train_loss"])


@pytest.mark.parametrize(("kind", "part"), [("lora", ".lora_"), ("ia3", ".ia3_l")])
def test_peft_leaves_the_encoder_as_it_was(base, tmp_path, kind, part):
    start = [*PHRASES, "--model_name_or_path", base]
    results = ner(tmp_path / "run", *start, "--do_train", "--do_eval", "--use_peft", "--peft_type", kind)
    saved = load_file(tmp_path / "run/adapter_model.safetensors")
    assert all(part in key or ".classifier." in key for key in saved) and any(part in key for key in saved)
    assert not (tmp_path / "run/model.safetensors").exists()
    again = ner(tmp_path / "again", *start, "--do_eval", "--load_adapter", tmp_path / "run")
    assert again["eval_loss"] == pytest.approx(results["eval_loss"], rel=1e-6) and "train_loss" not in again
    ner(tmp_path / "more", *start, "--do_train", "--use_peft", "--load_adapter", tmp_path / "run")
    more = load_file(tmp_path / "more/adapter_model.safetensors")
    for moves in (part, ".classifier."):
        assert any(not torch.equal(value, more[key]) for key, value in saved.items() if moves in key), moves


def test_peft_loads_into_the_stock_tagger(base, tmp_path):
    ner(tmp_path / "run", *PHRASES, "--do_train", "--use_peft", "--model_name_or_path", base)
    plain = XLMRobertaForTokenClassification.from_pretrained(base, num_labels=len(NER_TAGS))
    loaded = PeftModel.from_pretrained(plain, tmp_path / "run")
    own = load_peft(XLMRobertaForTokenClassification.from_pretrained(base, num_labels=len(NER_TAGS)), tmp_path / "run")
    assert own.active_peft_config.task_type == "TOKEN_CLS"
    rows = torch.arange(4, 24).reshape(2, 10)
    assert torch.equal(loaded.eval()(input_ids=rows).logits, own(input_ids=rows).logits)


@pytest.mark.parametrize("kind", ["lora", "ia3"])
def test_a_task_starts_from_a_language_of_pefts(base, tmp_path, kind):
    """Nothing is learned at a rate of 0: what is saved is the language's adapter, beside a head."""
    start = [*PHRASES, "--model_name_or_path", base, "--use_peft"]
    run_mlm.main([*MLM, *map(str, start), "--peft_type", kind, "--output_dir", str(tmp_path / "eng")])
    language = load_file(tmp_path / "eng/adapter_model.safetensors")
    for rate in ("0", "1e-2"):
        flags = ["--do_train", "--load_adapter", tmp_path / "eng", "--learning_rate", rate]
        ner(tmp_path / rate, *start, *flags)
        task = load_file(tmp_path / rate / "adapter_model.safetensors")
        assert {key for key in task if ".classifier." not in key} == language.keys() < task.keys()
        assert all(torch.equal(task[key], language[key]) for key in language) == (rate == "0")
    again = ["--do_eval", "--load_adapter", tmp_path / "1e-2"]
    assert ner(tmp_path / "again", *start[:-1], *again)["eval_accuracy"] > 0


def test_a_peft_adapter_says_where_its_labels_come_from(base, tmp_path):
    flags = ["--model_name_or_path", base, "--use_peft"]
    ner(tmp_path / "run", *PHRASES, "--do_train", *flags)
    (tmp_path / "test.conll").write_text("Amina B-PER\nanaishi O\n\n")
    test = ["--do_predict", "--test_file", tmp_path / "test.conll", "--model_name_or_path", base]
    refused(lambda: ner(tmp_path / "test", *test, "--load_adapter", tmp_path / "run"), "train split")
    refused(lambda: ner(tmp_path / "both", *PHRASES, "--do_train", *flags, "--train_adapter"), "--use_peft")
