"""lm-eval's own tasks on files of the data sets' shape, with scores derived by hand; solved examples in the prompt."""

import pytest
import torch
from known_folders import write_rows
from known_models import Bigrams, Known, words_tokenizer
from tiny_runs import refused

from xlzoo.run_scripts.run_eval import main
from xlzoo.run_scripts.stages import evaluation


@pytest.fixture
def measure(tmp_path, monkeypatch):
    """Evaluate a model that is not in a folder on the files of this test."""
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')

    def call(model, words, task, *flags):
        tokenizer = words_tokenizer(*words, bos_token="<s>", eos_token="</s>", pad_token="</s>")
        monkeypatch.setattr(evaluation, "load_measured", lambda args: (model.eval(), tokenizer))
        asked = ["--task", task, "--lang", "sw", "--data_dir", str(tmp_path), "--device", "cpu"]
        [found] = main(["--model_path", str(tmp_path), *asked, *map(str, flags)]).values()
        return found

    return call


BELEBELE = "<s> </s> P: Q: A: B: C: D: Mvua. Nini? Answer: jua mawingu radi upepo A B C D".split()


class Reader(Known):
    """After "Answer:" one thing where a list was read, another where the passage alone was, a third after neither."""

    def logits(self, input_ids):
        probabilities = torch.full((*input_ids.shape, len(BELEBELE)), 0.001)
        asked = input_ids == BELEBELE.index("Answer:")
        listed, told = ((input_ids == BELEBELE.index(word)).cumsum(1) > 0 for word in ("A:", "Mvua."))
        for place, shares in (
            (asked & listed, {"A": 0.1, "B": 0.2, "C": 0.1, "D": 0.5}),
            (asked & told & ~listed, {"jua": 0.4, "mawingu": 0.3, "radi": 0.2, "upepo": 0.05}),
            (asked & ~told, {"jua": 0.5, "mawingu": 0.3, "radi": 0.05, "upepo": 0.1}),
        ):
            for word, share in shares.items():
                probabilities[..., BELEBELE.index(word)][place] = share
        return probabilities.log()


def test_belebele_by_text_and_letter(measure, tmp_path):
    """Four scorings prefer four answers, which are right in 4, 3, 2 and 1 of ten rows; by default all are told.

    Likelihood: .4, the first. Per character: ln .4 / 3 = -.305, ln .3 / 7 = -.172, ln .2 / 4 = -.402, ln .05 / 5 =
    -.599: the second. Mutual information: .4 / .5, .3 / .3, .2 / .05, .05 / .1: the third. Letter, in lm-eval's own
    prompt: D. What the probabilities after a word do not sum to divides all of them.
    """
    row = {"flores_passage": "Mvua.", "question": "Nini? "}
    row |= {f"mc_answer{number}": word for number, word in enumerate(BELEBELE[11:15], start=1)}
    write_rows(tmp_path / "belebele/sw/test.jsonl", [{**row, "correct_answer_num": n} for n in "1111222334"])
    model = Reader(positions=64, vocab_size=len(BELEBELE))
    found = measure(model, BELEBELE, "belebele")
    assert found["scores"] == pytest.approx({"acc": 0.4, "acc_norm": 0.3, "acc_pmi": 0.2, "acc_letter": 0.1})
    assert (found["dataset"], found["kind"], found["examples"]) == ("facebook/belebele", "multiple-choice", 10)
    assert list(measure(model, BELEBELE, "belebele", "--scoring", "letter", "pmi")["scores"]) == [
        *("acc_letter", "acc_pmi")
    ]


STORY = "<s> </s> Aliamka. Alikula. Aliondoka. Alilala. Alicheka sana.".split()


def test_endings_of_stories(measure, tmp_path):
    """The endings have probability .3, and .5 x .5 = .25; the second is right in two of three rows.

    Likelihood prefers the first. Per character: ln .3 / 8 = -.150 < ln .25 / 14 = -.099, the second. Mutual
    information: .3 / .2 < .25 / (.2 x .5), the second.
    """
    rest = 1 / len(STORY)
    rows = torch.full((len(STORY), len(STORY)), rest)
    for before, word, share in (
        ("Aliondoka.", "Alilala.", 0.3),
        ("Aliondoka.", "Alicheka", 0.5),
        ("Alicheka", "sana.", 0.5),
        ("<s>", "Alilala.", 0.2),
        ("<s>", "Alicheka", 0.2),
    ):
        rows[STORY.index(before), STORY.index(word)] = share
    for before in ("Aliondoka.", "Alicheka", "<s>"):  # The others share what is left.
        others = rows[STORY.index(before)] == rest
        rows[STORY.index(before), others] = (1 - rows[STORY.index(before), ~others].sum()) / others.sum()
    row = {"sentence_quiz1": "Alilala.", "sentence_quiz2": "Alicheka sana."}
    row |= {
        f"input_sentence_{n}": text for n, text in enumerate(("Aliamka.", "Alikula.", "Alikula.", "Aliondoka."), 1)
    }
    write_rows(tmp_path / "sw/eval.jsonl", [{**row, "answer_right_ending": right} for right in (1, 2, 2)])
    found = measure(Bigrams(*rows.tolist(), positions=32), STORY, "xstorycloze")
    assert found["scores"] == pytest.approx({"acc": 1 / 3, "acc_norm": 2 / 3, "acc_pmi": 2 / 3})
    assert (found["dataset"], found["split"]) == ("juletxara/xstory_cloze", "eval")


NAMES = [f"{letter}{number}" for letter in "VTab" for number in range(4)]
WORDS = ["<s>", "</s>", *NAMES, *"kwa sababu A: B: Answer: A B".split()]


class Flat(Known):
    """Takes every word for as likely, and remembers what it read."""

    def logits(self, input_ids):
        return torch.zeros(*input_ids.shape, len(WORDS))

    @property
    def prompts(self):
        rows = (
            [n for n, keep in zip(*row, strict=True) if keep] for read in self.read for row in zip(*read, strict=True)
        )
        texts = [[WORDS[n] for n in row] for row in rows]
        return [text for text in texts if "sababu" in text and text[0] == "<s>"]


def write_causes(folder, split, letter, count=4):
    rows = [
        {"premise": f"{letter}{n}.", "choice1": f"a{n}", "choice2": f"b{n}", "question": "cause", "label": n % 2}
        for n in range(count)
    ]
    write_rows(folder / "sw" / f"{split}.jsonl", rows)


@pytest.mark.parametrize(("split", "row"), [("test", "T"), ("val", "V")])
def test_solved_examples(measure, tmp_path, split, row):
    """Two solved rows of the validation split stand before the question, never the row that is asked, as seeded."""
    write_causes(tmp_path, "test", "T")
    write_causes(tmp_path, "val", "V")
    asked = []
    for _ in range(2):
        model = Flat(positions=64, vocab_size=len(WORDS))
        flags = ["--num_fewshot", 2, "--split", split, "--scoring", "likelihood"]
        assert measure(model, WORDS, "xcopa", *flags)["how"] == "2-shot, local files"
        asked.append(sorted(map(tuple, model.prompts)))
    assert asked[0] == asked[1] and {prompt[-3] for prompt in asked[0]} == {f"{row}{n}" for n in range(4)}
    solved = [tuple(prompt[place] for place in (1, 5)) for prompt in asked[0]]
    for prompt, shown in zip(asked[0], solved, strict=True):
        answers = [f"{'ab'[int(name[1]) % 2]}{name[1]}" for name in shown]
        turns = [word for name, answer in zip(shown, answers, strict=True) for word in (name, "kwa", "sababu", answer)]
        assert list(prompt) == ["<s>", *turns, prompt[-3], "kwa", "sababu"]
        assert len({*shown, prompt[-3]}) == 3 and all(name[0] == "V" for name in shown)
    assert len(set(solved)) > 1


def test_solved_examples_by_letter(measure, tmp_path):
    """The example lists its answers as the question does, and is solved by a letter."""
    write_causes(tmp_path, "test", "T", count=1)
    write_causes(tmp_path, "val", "V", count=2)
    model = Flat(positions=64, vocab_size=len(WORDS))
    measure(model, WORDS, "xcopa", "--num_fewshot", 2, "--split", "test", "--scoring", "letter")
    [found] = {" ".join(prompt) for prompt in model.prompts}
    asked = "{}{} kwa sababu A: a{} B: b{} Answer:"
    shown = [asked.format("V", n, n, n) + f" {'AB'[n]}" for n in (0, 1)]
    question = asked.format("T", 0, 0, 0)
    assert found in (f"<s> {shown[0]} {shown[1]} {question}", f"<s> {shown[1]} {shown[0]} {question}")


def test_examples_that_are_not_there(measure, tmp_path):
    write_causes(tmp_path, "test", "T", count=3)
    model = Flat(positions=64, vocab_size=len(WORDS))
    refused(lambda: measure(model, WORDS, "xcopa", "--num_fewshot", 3), "--num_fewshot is 3", "only 2 other rows")
