"""The Trainer of xTune for span questions: its loss by hand, the teacher's answers, and scores over windows."""

from functools import partial

import pytest
import torch
from datasets import Dataset, DatasetDict
from tiny_runs import make_checkpoint, sentences
from torch.nn.functional import cross_entropy
from transformers import AutoTokenizer, XLMRobertaForQuestionAnswering
from xtune_runs import (
    NOISE,
    accumulation_changes_nothing,
    nothing_is_learned_from_fillers,
    one_step,
    parts_are_logged,
    read_alone,
    student_and_teacher,
    without_views_r1_is_left_out,
)

from xlzoo.run_scripts.corpora.span_views import SpanViewCollator
from xlzoo.run_scripts.corpora.span_windows import WindowSizes, as_asked_windows, as_span_rows
from xlzoo.run_scripts.corpora.squad import ASKED, with_answers
from xlzoo.run_scripts.corpora.unigram import sampler_of
from xlzoo.run_scripts.corpora.view_rows import ViewRows
from xlzoo.run_scripts.corpora.views import Augmentation
from xlzoo.run_scripts.objectives.consistency import Weights
from xlzoo.run_scripts.objectives.consistency_losses import span_example_consistency, span_model_consistency
from xlzoo.run_scripts.objectives.span_consistency import SpanConsistencyTrainer
from xlzoo.run_scripts.objectives.teacher import Recollection, TeacherFiles
from xlzoo.run_scripts.tasks.span_questions import SPAN_TASKS

SIZES = WindowSizes(length=36, stride=12, question=18)


@pytest.fixture(scope="module")
def still(tmp_path_factory):
    """A checkpoint without dropout."""
    folder = tmp_path_factory.mktemp("still")
    return make_checkpoint(folder, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)


@pytest.fixture(scope="module")
def asked():
    """Twelve questions, each on two sentences, so that some have more than one window."""
    rows = sentences("eng", 12)
    rows = rows.map(lambda row, i: {"context": f"{row['context']} {rows[i - 1]['context']}"}, with_indices=True)
    found = with_answers(DatasetDict({"train": rows.select_columns(list(ASKED))}))["train"]
    return found.add_column("language", ["en"] * 12)


@pytest.fixture
def parts(still, asked, tmp_path):
    """Student, teacher, tokenizer, doubled windows, and a collator with views of two kinds."""
    tokenizer = AutoTokenizer.from_pretrained(still)
    models = student_and_teacher(XLMRobertaForQuestionAnswering, still)
    windows = as_span_rows(asked, tokenizer, SIZES)
    rows = ViewRows(windows.select(range(18)), doubled=True)
    view = Augmentation(frozenset({"subword", "noise"}), 0.4, sampler=sampler_of(tokenizer, 0.1))
    files = TeacherFiles(tmp_path / "teacher", 1, "mine")
    collator = SpanViewCollator(tokenizer, view, view, SIZES, 5, Recollection(files))
    return *models, tokenizer, rows, collator, files


def make_trainer(parts, folder, hard=False, n_best=20, longest=30, **flags):
    make = partial(SpanConsistencyTrainer, task=SPAN_TASKS["xquad"], n_best=n_best, longest=longest)
    return one_step(make, parts, folder, Weights(5.0, 0.7, hard, NOISE), **flags)


def by_hand(parts, indices, hard):
    """The parts of the loss, passage by passage and view by view, each alone and unpadded in its forward."""
    student, teacher, _, rows, collator, _ = parts

    def ends(model, side):
        found = read_alone(model, side.ids, side.noise)
        return found.start_logits, found.end_logits

    task, r1, r2 = [], [], []
    for index in indices:
        drawn = collator.draw(rows[index])
        own, view, taught = ends(student, drawn.own), ends(student, drawn.view), ends(teacher, drawn.own)
        if drawn.own.answer:
            losses = [cross_entropy(own[i], torch.tensor([drawn.own.answer[i]])) for i in (0, 1)]
            task.append(sum(losses) / 2)
        if drawn.pairs:
            one, other = zip(*drawn.pairs, strict=True)
            r1.append(span_example_consistency(own, view, torch.tensor([one]), torch.tensor([other])))
        if rows[index]["is_copy"] and hard:
            r2.append(sum(cross_entropy(own[i], taught[i].argmax(-1)) for i in (0, 1)) / 2)
        elif rows[index]["is_copy"]:
            r2.append(span_model_consistency(own, taught, torch.ones(1, len(drawn.own.ids))))
    return [torch.stack([one.squeeze() for one in part]).mean().item() for part in (task, r1, r2)], len(task), len(r1)


@pytest.mark.parametrize(("hard", "steps"), [(False, 1), (True, 3)])
def test_the_loss_of_a_step_is_that_of_its_passages_one_by_one(parts, tmp_path, hard, steps):
    """Whether it is one batch or three; logged are the parts without weights."""
    expected, learned, compared = by_hand(parts, range(36), hard)
    flags = {"per_device_train_batch_size": 36 // steps, "gradient_accumulation_steps": steps}
    trainer = make_trainer(parts, tmp_path / "out", hard, **flags)
    parts_are_logged(trainer, expected)
    assert learned < 36 and compared < 36


def test_accumulation_gives_the_same_weights(parts, tmp_path):
    accumulation_changes_nothing(partial(make_trainer, parts), parts[0], tmp_path, 36)


def test_without_views_r1_is_left_out(parts, tmp_path):
    without_views_r1_is_left_out(make_trainer, parts, tmp_path / "out", by_hand(parts, range(36), False)[0], 36)


def test_nothing_is_learned_from_fillers(parts, tmp_path):
    nothing_is_learned_from_fillers(make_trainer(parts, tmp_path / "out"), parts)


def test_the_teacher_reads_the_copies_that_the_student_reads(parts, tmp_path):
    _, model, _, rows, collator, files = parts
    trainer = make_trainer(parts, tmp_path / "out")
    trainer.teacher.start(1)
    recall, copies = Recollection(files), len(rows) // 2
    for number in (0, 3, copies - 1):
        side = collator.draw(rows[copies + number]).own
        found = read_alone(model, side.ids, side.noise)
        expected = torch.stack([found.start_logits[0], found.end_logits[0]], dim=-1)
        assert torch.allclose(recall(1, number), expected, atol=1e-5)
    files.delete()


def test_answers_are_the_best_of_all_spans(parts, asked, tmp_path):
    """Each span of at most four pieces tried in turn, by the offsets of the tokenizer's own pair."""
    model, tokenizer = parts[0].eval(), parts[2]
    rows = asked.map(lambda row: {"context": row["context"][: row["start"] + len(row["text"]) + 10]})
    rows = rows.filter(lambda row: len(tokenizer(row["question"], row["context"])["input_ids"]) <= 60)
    found = []
    for row in rows:
        pair = tokenizer(row["question"], row["context"], return_offsets_mapping=True, return_tensors="pt")
        with torch.no_grad():
            logits = model(input_ids=pair["input_ids"])
        offsets = pair["offset_mapping"][0].tolist()
        inside = [place for place, part in enumerate(pair.sequence_ids()) if part == 1]
        spans = [(i, j) for i in inside for j in inside if i <= j < i + 4]
        first, last = max(spans, key=lambda span: logits.start_logits[0, span[0]] + logits.end_logits[0, span[1]])
        found.append(row["context"][offsets[first][0] : offsets[last][1]])
    windows = as_asked_windows(rows, tokenizer, WindowSizes(64, 8, 40))
    windows.questions = rows.remove_columns("answers").add_column("answers", [[text] for text in found])
    assert len(windows) == len(rows) > 6 and len(set(found)) > 6
    trainer = make_trainer(parts, tmp_path / "out", longest=4, n_best=64, per_device_eval_batch_size=5)
    assert trainer.evaluate(windows)["eval_exact_match"] == 1
    shorter = make_trainer(parts, tmp_path / "other", longest=1, per_device_eval_batch_size=5)
    assert shorter.evaluate(windows)["eval_exact_match"] < 1


def test_scores_of_long_passages_take_the_best_window_and_the_loss_is_of_all(parts, asked, tmp_path):
    """The number of windows in a batch changes nothing; a model that marks the gold positions finds every answer."""
    windows = as_asked_windows(asked, parts[2], WindowSizes(44, 8, 18))
    assert len(windows) > 18
    results = [
        make_trainer(parts, tmp_path / str(size), per_device_eval_batch_size=size).evaluate(windows)
        for size in (3, 16)
    ]
    for name in ("f1", "exact_match", "loss"):
        assert results[0][f"eval_{name}"] == pytest.approx(results[1][f"eval_{name}"], rel=1e-5)
    losses = []
    for window in windows.windows:
        with torch.no_grad():
            found = parts[0].eval()(input_ids=torch.tensor([window["input_ids"]]))
        first, last = (torch.tensor([place]) for place in window["positions"])
        losses.append((cross_entropy(found.start_logits, first) + cross_entropy(found.end_logits, last)) / 2)
    assert results[0]["eval_loss"] == pytest.approx(torch.stack(losses).mean().item(), rel=1e-4)
    trainer = make_trainer(parts, tmp_path / "gold")

    def marked(outputs):
        ids, rows = marked.ids, []
        for row in ids.tolist():
            window = next(w for w in windows.windows if w["input_ids"] == row[: len(w["input_ids"])])
            gold = torch.zeros(len(row), 2)
            if window["positions"] != [0, 0]:
                gold[window["positions"][0], 0] = gold[window["positions"][1], 1] = 9.0
            rows.append(gold)
        return torch.stack(rows).flatten(0, 1)

    hook = parts[0].register_forward_pre_hook(
        lambda module, args, kwargs: setattr(marked, "ids", kwargs["input_ids"]), with_kwargs=True
    )
    trainer.predictions = marked
    measured = trainer.evaluate(windows)
    hook.remove()
    assert measured["eval_exact_match"] == measured["eval_f1"] == 1


def test_mlqa_answers_are_normalised_for_their_language(parts, tmp_path):
    """The whole passage is the answer: "der Berg" is "Berg" in German, and not as SQuAD counts."""
    row = {"id": "a", "question": "Was ?", "context": "der", "answers": ["der Berg"], "text": "der", "start": 0}
    rows = Dataset.from_list([{**row, "language": "de", "context": "der Berg", "answers": ["Berg"]}])
    windows = as_asked_windows(rows, parts[2], SIZES)
    trainer = make_trainer(parts, tmp_path / "out")
    ends = [(9.0, len(windows[0]["input_ids"]) - 2)]

    def marked(outputs):
        found = torch.zeros(*outputs.start_logits.shape, 2)
        head = windows[0]["begins"].index(0)
        found[:, head, 0] = found[:, ends[0][1], 1] = 9.0
        return found.flatten(0, 1)

    trainer.predictions = marked
    assert trainer.evaluate(windows)["eval_exact_match"] == 0
    trainer.task = SPAN_TASKS["mlqa"]
    assert trainer.evaluate(windows)["eval_exact_match"] == 1
