"""Prompts in place of lm-eval's, and tasks answered in free text, with scores by hand; word alignment in the table."""

import json

import pytest
from datasets import Dataset, DatasetDict
from known_folders import write_bigrams, write_rows
from tiny_runs import refused, sentences

from xlzoo.run_scripts import run_word_align
from xlzoo.run_scripts.arguments import parse
from xlzoo.run_scripts.eval_arguments import EvalArguments
from xlzoo.run_scripts.measuring import eval_tasks
from xlzoo.run_scripts.perplexity_arguments import MeasuredModel
from xlzoo.run_scripts.run_eval import main
from xlzoo.run_scripts.stages import eval_jobs
from xlzoo.run_scripts.stages.eval_facts import language_tag
from xlzoo.run_scripts.stages.evaluation import prepare_jobs
from xlzoo.run_scripts.tasks.templates import TEMPLATES

WORDS = (
    "<s> </s> Answer: Antwort: Summary: Relationship: der Berg Mvua kubwa ni 18 jua mvua (A) (B) entailment".split()
)
WORDS += ["neutral", "contradiction"]
AFTER = {
    "Answer:": {"der": 0.4, "jua": 0.2, "mvua": 0.1, "(A)": 0.05, "(B)": 0.1},
    "Antwort:": {"der": 0.5},
    "der": {"Berg": 0.6},
    "Berg": {"</s>": 0.6},
    "Summary:": {"Mvua": 0.6},
    "Mvua": {"kubwa": 0.6},
    "kubwa": {"</s>": 0.6},
    "Relationship:": {"entailment": 0.2, "neutral": 0.5, "contradiction": 0.1},
}


@pytest.fixture(scope="module")
def bigrams(tmp_path_factory):
    return write_bigrams(tmp_path_factory.mktemp("bigrams"), WORDS, AFTER, positions=128)


@pytest.fixture
def measure(bigrams, tmp_path):
    def call(task, language, *flags):
        asked = ["--task", task, "--lang", language, "--data_dir", tmp_path, "--device", "cpu", "--max_new_tokens", 4]
        [found] = main([*map(str, ("--model_path", bigrams, *asked, *flags))]).values()
        return found

    return call


def write_squad(path, answers):
    asked = [
        {"id": f"q{n}", "question": "Was?", "answers": [{"text": text, "answer_start": 0}]}
        for n, text in enumerate(answers)
    ]
    path.write_text(json.dumps({"data": [{"title": "T", "paragraphs": [{"context": "Ein Text.", "qas": asked}]}]}))


@pytest.mark.parametrize("flags", [[], ["--template", "adamergex"]])
def test_questions_about_a_text(measure, tmp_path, flags):
    """The model writes "der Berg", of which "Berg" counts: right for "Berg", half of "hoher Berg" (F1 2 x 1 / 3)."""
    write_squad(tmp_path / "xquad.de.json", ["Berg", "hoher Berg"])
    found = measure("xquad", "German", *flags)
    assert found["scores"] == pytest.approx({"exact_match": 0.5, "f1": 5 / 6})
    assert (found["kind"], found["split"], found["dataset"]) == ("question-answering", "validation", "google/xquad")
    assert found["how"] == ("0-shot, adamergex prompt, local files" if flags else "0-shot, local files")


def test_summaries(measure, tmp_path):
    """The model writes "Mvua kubwa": all of the first summary; of the second 1 word of 2 and of 3, 2 x 1 / 5."""
    row = {"title": "T", "text": "Habari.", "summary": "Mvua kubwa."}
    write_rows(tmp_path / "xlsum/swahili/test.jsonl", [row, {**row, "summary": "Mvua ndogo sana"}])
    found = measure("xlsum", "sw")
    assert found["scores"] == pytest.approx({"rouge1": 0.7, "rouge2": 0.5, "rougeL": 0.7})
    assert (found["kind"], found["dataset"], found["language"]) == ("summarization", "csebuetnlp/xlsum", "swahili")


def test_summaries_from_the_hub(monkeypatch, tmp_path):
    """Languages are found by the names that the data set has for its configurations."""
    row = {"title": "T", "text": "Habari.", "summary": "Mvua kubwa."}
    asked = []
    monkeypatch.setattr(eval_jobs, "hub_configs", lambda name: ["english", "swahili", "chinese_simplified"])
    monkeypatch.setattr(
        eval_tasks, "hub_data", lambda *named: asked.append(named) or DatasetDict({"test": Dataset.from_list([row])})
    )
    jobs = prepare_jobs(EvalArguments(task=["xlsum"], lang=["sw", "chinese_simplified"]))
    assert [job.name for job in jobs] == ["xlsum_swahili", "xlsum_chinese_simplified"]
    assert asked == [("csebuetnlp/xlsum", "swahili"), ("csebuetnlp/xlsum", "chinese_simplified")]
    named = ("chinese_simplified", "scottish_gaelic", "serbian_cyrillic", "swh_Latn", "pidgin", "no language", "")
    assert [language_tag(name) for name in named] == ["zh", "gd", "sr", "sw", "pcm", "", ""]


def test_choices_after_the_papers_prompts(measure, tmp_path):
    """After "Answer:" the first choice is likelier (.2, .1), but "(B)" than "(A)"; of relations "neutral" is."""
    row = {"premise": "P.", "choice1": "jua", "choice2": "mvua", "question": "cause"}
    write_rows(tmp_path / "xcopa/sw/test.jsonl", [{**row, "label": label} for label in (0, 1, 1)])
    way = ["--template", "adamergex", "--scoring"]
    found = measure("xcopa", "sw", *way, "likelihood", "letter")["scores"]
    assert found == pytest.approx({"acc": 1 / 3, "acc_letter": 2 / 3})
    args = EvalArguments(["xcopa"], ["sw"], data_dir=str(tmp_path), template=way[1], scoring=["likelihood", "letter"])
    [job] = prepare_jobs(args)
    by_text, by_letter = (task.doc_to_text(row) for task in job.measured)
    assert by_letter == by_text.replace("option.", "option. Answer with (A) or (B).") != by_text
    labels = (0, 1, 1, 2)
    rows = [{"premise": "P", "hypothesis": "H", "label": label} for label in labels]
    write_rows(tmp_path / "xnli/sw/validation.jsonl", rows)
    assert measure("xnli", "sw", *way, "likelihood")["scores"] == {"acc": 0.5}
    (tmp_path / "mgsm").mkdir()
    (tmp_path / "mgsm/sw.tsv").write_text("Moja?\t18\n")
    args = EvalArguments(task=["mgsm"], lang=["sw"], data_dir=str(tmp_path), template="adamergex")
    [[asked]] = [job.measured for job in prepare_jobs(args)]
    assert asked.doc_to_text(asked.eval_docs[0]) == "Let's think step by step.\n\nQuestion: Moja?\nAnswer:"
    write_rows(tmp_path / "belebele/sw/test.jsonl", rows)
    refused(lambda: measure("belebele", "sw", *way, "letter"), "adamergex has no prompt for belebele", "xcopa")


def test_the_papers_recipe():
    _, args = parse(["recipes/eval_adamergex.yaml", "--model_path", "any"], MeasuredModel, EvalArguments)
    assert set(args.task) == set(TEMPLATES[args.template]) and args.max_new_tokens == 512 and args.lang == ["th"]


@pytest.mark.parametrize("text", ["[]", '{"data": [{}]}', "{", '{"data": []}'])
def test_damaged_questions(measure, tmp_path, text):
    (tmp_path / "de.json").write_text(text)
    refused(lambda: measure("xquad", "de"), str(tmp_path / "de.json"), "expected")
    write_squad(tmp_path / "de.json", [""])
    refused(lambda: measure("xquad", "de"), "q0", "lacks")


@pytest.fixture
def aligned(tmp_path):
    """Five pairs from the phrasebook in the files that gold comes in, and gold that is made up."""
    folder = tmp_path / "word_alignment/sw-en"
    folder.mkdir(parents=True)
    for name, language in (("src", "swh"), ("tgt", "eng")):
        (folder / f"{name}.txt").write_text("".join(f"{text}\n" for text in sentences(language, 5)["text"]))
    (folder / "gold.tsv").write_text("".join(f"{n}\t0\t0\tS\n{n}\t1\t1\tP\n" for n in range(5)))
    return folder


def test_word_alignment_is_in_the_table(base, aligned, tmp_path, capsys):
    """The scores are those of `run_word_align.py`, of the layer that is asked for, beside Tatoeba's."""
    (tmp_path / "tatoeba").mkdir()
    for code, language in (("swh", "swh"), ("eng", "eng")):
        lines = "".join(f"{text}\n" for text in sentences(language, 4)["text"])
        (tmp_path / f"tatoeba/swh-eng.{code}").write_text(lines)
    asked = ["--model_path", base, "--data_dir", tmp_path, "--lang", "Swahili", "--device", "cpu"]
    found = main([*map(str, asked), "--task", "word_alignment", "tatoeba"])
    files = ["--source_file", aligned / "src.txt", "--target_file", aligned / "tgt.txt", "--gold_file"]
    flags = ["--model_name_or_path", base, *files, aligned / "gold.tsv", "--layer", "all", "--device", "cpu"]
    expected = run_word_align.main([*map(str, flags)])["layers"]
    assert found["word_alignment_sw"]["scores"] == pytest.approx(expected[2])
    assert found["word_alignment_sw"]["examples"] == 5 and "recall" in found["tatoeba_swh"]["scores"]
    [header, row] = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("| task", "| word"))]
    assert "| aer |" in header and row.startswith("| word_alignment | sw | test | 5 |")
    first = main([*map(str, asked), "--task", "word_alignment", "--align_layer", "1"])["word_alignment_sw"]
    assert first["scores"] == pytest.approx(expected[1]) and first["how"] == "layer 1, local files"
    assert expected[1] != expected[2]
    too_high = [*map(str, asked), "--task", "word_alignment", "--align_layer", "3"]
    refused(lambda: main(too_high), "--align_layer is 3", "0 (its embeddings) to 2")


def test_word_alignment_of_what_cannot_align(measure, aligned, bigrams):
    refused(lambda: measure("word_alignment", "sw"), "is for encoders of XLM-R's family")
    refused(
        lambda: main(["--model_path", str(bigrams), "--task", "word_alignment", "--lang", "sw", "--device", "cpu"]),
        "is for encoders",
    )


def test_damaged_gold(base, aligned, tmp_path):
    asked = ["--model_path", str(base), "--data_dir", str(tmp_path), "--lang", "sw", "--device", "cpu"]
    for text, words in (
        ("0\t99\t0\tS\n", ["gold.tsv, sentence 0", "99"]),
        ("9\t0\t0\tS\n", ["10 sentences", "5 pairs"]),
    ):
        (aligned / "gold.tsv").write_text(text)
        refused(lambda: main([*asked, "--task", "word_alignment"]), *words)
    refused(lambda: main([*asked, "--task", "xcopa", "word_alignment"]), "is an encoder")
