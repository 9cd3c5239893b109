"""The Trainer of xTune: one forward for both sides, its loss by hand, noise, and the teacher's answers on disk."""

from functools import partial

import pytest
import torch
from datasets import Dataset
from safetensors.torch import load_file, save_file
from tiny_runs import make_checkpoint, sentences
from torch.nn.functional import cross_entropy, kl_div
from transformers import AutoTokenizer, XLMRobertaForSequenceClassification
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

from xlzoo.modeling.modeling_madx import MadxForTokenClassification
from xlzoo.run_scripts.corpora.pair_views import PairViewCollator, as_pair_rows
from xlzoo.run_scripts.corpora.phrasebook import NER_TAGS
from xlzoo.run_scripts.corpora.tagged_views import TaggedViewCollator
from xlzoo.run_scripts.corpora.unigram import sampler_of
from xlzoo.run_scripts.corpora.view_rows import ViewRows
from xlzoo.run_scripts.corpora.views import Augmentation
from xlzoo.run_scripts.objectives.consistency import PairConsistencyTrainer, TaggingConsistencyTrainer, Weights
from xlzoo.run_scripts.objectives.consistency_losses import example_consistency, model_consistency
from xlzoo.run_scripts.objectives.embedding_noise import Noise, noisy
from xlzoo.run_scripts.objectives.teacher import Recollection, TeacherFiles
from xlzoo.run_scripts.tasks import TASKS


@pytest.fixture(scope="module")
def still(tmp_path_factory):
    """A checkpoint without dropout."""
    folder = tmp_path_factory.mktemp("still")
    return make_checkpoint(folder, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)


@pytest.fixture
def parts(still, tmp_path):
    """Student, teacher, tokenizer, doubled rows of twelve sentences, and a collator with views of every kind."""
    tokenizer = AutoTokenizer.from_pretrained(still)
    models = student_and_teacher(MadxForTokenClassification, still, num_labels=len(NER_TAGS))
    tagged = sentences("eng", 12)
    data = {
        "tokens": tagged["tokens"],
        "tags": tagged["ner_tags"],
        "length": [len(words) for words in tagged["tokens"]],
    }
    rows = ViewRows(Dataset.from_dict(data), doubled=True)
    view = Augmentation(frozenset({"subword", "noise"}), 0.7, sampler=sampler_of(tokenizer, 0.1))
    files = TeacherFiles(tmp_path / "teacher", 1, "mine")
    collator = TaggedViewCollator(tokenizer, view, view, 48, 5, Recollection(files))
    return *models, tokenizer, rows, collator, files


TAGGER = partial(TaggingConsistencyTrainer, task=TASKS["ner"], labels=list(NER_TAGS))


def make_trainer(parts, folder, hard=False, make=TAGGER, **flags):
    return one_step(make, parts, folder, Weights(5.0, 0.7, hard, NOISE), **flags)


def by_hand(parts, indices, hard):
    """The parts of the loss, sentence by sentence and view by view, each alone in its forward."""
    student, teacher, _, rows, collator, _ = parts

    def logits(model, side):
        return read_alone(model, side.ids, side.noise).logits[0][side.places]

    task, r1, r2 = [], [], []
    for index in indices:
        drawn = collator.draw(rows[index])
        own, view = logits(student, drawn.own), logits(student, drawn.view)
        task.append(cross_entropy(own, torch.tensor(drawn.tags), reduction="none"))
        first, second = zip(*drawn.pairs, strict=True)
        r1.append(example_consistency(own[list(first)], view[list(second)]))
        if rows[index]["is_copy"]:
            r2.append(model_consistency(own, logits(teacher, drawn.own), hard))
    return [torch.cat(part).mean().item() for part in (task, r1, r2)]


@pytest.mark.parametrize(("hard", "size", "steps"), [(False, 24, 1), (True, 8, 3)])
def test_the_loss_of_a_step_is_that_of_its_sentences_one_by_one(parts, tmp_path, hard, size, steps):
    """Whether it is one batch or three; logged are the parts without weights."""
    expected = by_hand(parts, range(24), hard)
    flags = {"per_device_train_batch_size": size, "gradient_accumulation_steps": steps}
    trainer = make_trainer(parts, tmp_path / "out", hard, **flags)
    forwards = []
    hook = parts[0].register_forward_hook(lambda module, args, kwargs, out: forwards.append(kwargs), with_kwargs=True)
    parts_are_logged(trainer, expected)
    hook.remove()
    assert [len(read["input_ids"]) for read in forwards] == [2 * size] * steps, "one forward reads both sides"


def test_accumulation_gives_the_same_weights(parts, tmp_path):
    accumulation_changes_nothing(partial(make_trainer, parts), parts[0], tmp_path, 24)


@pytest.fixture
def pair_parts(still, tmp_path):
    """As `parts`, for eight pairs with three labels; words switched by a dictionary besides."""
    tokenizer = AutoTokenizer.from_pretrained(still)
    models = student_and_teacher(XLMRobertaForSequenceClassification, still, num_labels=3)
    pairs = sentences("eng", 8).select_columns(["premise", "hypothesis"])
    pairs = pairs.rename_columns({"premise": "first", "hypothesis": "second"})
    rows = ViewRows(as_pair_rows(pairs.add_column("label", list("abcabcab")), tokenizer, "abc", 48), doubled=True)
    kinds = frozenset({"subword", "noise", "code_switch"})
    words = {word: ["mti"] for pair in pairs for word in f"{pair['first']} {pair['second']}".lower().split()}
    view = Augmentation(kinds, 0.7, 0.3, sampler=sampler_of(tokenizer, 0.1), dictionaries={"swh": words})
    files = TeacherFiles(tmp_path / "teacher", 1, "mine")
    return *models, tokenizer, rows, PairViewCollator(tokenizer, view, view, 48, 5, Recollection(files)), files


@pytest.mark.parametrize(("hard", "size", "steps"), [(False, 16, 1), (True, 4, 4)])
def test_the_loss_of_pairs_is_the_published_formula(pair_parts, tmp_path, hard, size, steps):
    """Of a whole step in plain torch, by `kl_div` with the mean over batch and labels, each pair alone in its forward.

    R1 is the divergence either way from the side without gradient; R2 is of the eight copies alone.
    """
    student, teacher, _, rows, collator, files = pair_parts

    def logits(model, side):
        return read_alone(model, *side).logits[0]

    drawn = [collator.draw(rows[i]) for i in range(16)]
    own, view = (torch.stack([logits(student, pair[side]) for pair in drawn]) for side in (0, 1))
    taught = torch.stack([logits(teacher, pair[0]) for pair in drawn[8:]])
    task = cross_entropy(own, torch.tensor([0, 1, 2, 0, 1, 2, 0, 1] * 2))

    def kl(found, target):  # As `kl_div` with reduction "mean" is so far.
        return kl_div(found.log_softmax(-1), target.softmax(-1), reduction="sum") / found.numel()

    r1, r2 = kl(view, own) + kl(own, view), kl(own[8:], taught)
    r2 = cross_entropy(own[8:], taught.argmax(-1)) if hard else r2
    flags = {"per_device_train_batch_size": size, "gradient_accumulation_steps": steps}
    trainer = make_trainer(pair_parts, tmp_path / "out", hard, PairConsistencyTrainer, **flags)
    parts_are_logged(trainer, [task.item(), r1.item(), r2.item()])
    assert [name.name for name in files.folder.iterdir()] == ["epoch-0-1-of-1.safetensors"]
    assert torch.allclose(load_file(files.path(0, 0))["logits"], taught, atol=1e-5)


def test_without_views_r1_is_left_out(parts, tmp_path):
    without_views_r1_is_left_out(make_trainer, parts, tmp_path / "out", by_hand(parts, range(24), False), 24)


@pytest.mark.parametrize(("given", "make"), [("parts", TAGGER), ("pair_parts", PairConsistencyTrainer)])
def test_nothing_is_learned_from_fillers(request, tmp_path, given, make):
    made = request.getfixturevalue(given)
    nothing_is_learned_from_fillers(make_trainer(made, tmp_path / "out", make=make), made)


def test_batches_of_like_lengths(parts, tmp_path):
    trainer = make_trainer(parts, tmp_path / "out", train_sampling_strategy="group_by_length")
    torch.manual_seed(0)
    order = list(trainer._get_train_sampler())
    assert sorted(order) == list(range(24))
    lengths = [parts[3].lengths[i] for i in order]
    assert lengths[0] == max(lengths), "the longest batch comes first"


def test_the_teacher_is_asked_once_an_epoch(parts, tmp_path, monkeypatch):
    _, model, _, rows, collator, files = parts
    trainer = make_trainer(parts, tmp_path / "out")
    teacher, asked = trainer.teacher, []
    original = teacher._logits
    monkeypatch.setattr(teacher, "_logits", lambda indices: asked.append(indices) or original(indices))
    before = torch.get_rng_state()
    teacher.start(1)
    assert torch.equal(torch.get_rng_state(), before), "the training's random numbers stay as they were"
    teacher.start(1)
    assert len(asked) == 1 and sorted(asked[0]) == list(range(12, 24)) and rows.epoch == 1
    recall = Recollection(files)
    for number in (0, 7):
        side = collator.draw(rows[12 + number]).own
        expected = read_alone(model, side.ids, side.noise).logits[0][side.places]
        assert torch.allclose(recall(1, number), expected, atol=1e-5)
    # Another run's answers, and a file that was cut, are not taken for this one's.
    path = files.path(1, 0)
    save_file(load_file(path), path, metadata={"key": "other"})
    teacher.start(1)
    path.write_bytes(path.read_bytes()[:100])
    teacher.start(1)
    assert len(asked) == 3
    teacher.start(2)
    assert [found.name for found in files.folder.iterdir()] == ["epoch-2-1-of-1.safetensors"]
    files.delete()
    assert not files.folder.exists()


@pytest.mark.parametrize(("kind", "deviation"), [("gaussian", 0.5), ("uniform", 0.5 / 3**0.5)])
def test_noise_by_its_numbers(kind, deviation):
    """20000 numbers: mean 0; a uniform distribution on (-a, a) has the deviation a / sqrt(3)."""
    drawn = Noise(kind, 0.5).draw(3, (200, 100), torch.device("cpu"))
    assert drawn.mean().item() == pytest.approx(0, abs=0.02) and drawn.std().item() == pytest.approx(
        deviation, rel=0.03
    )
    assert kind == "gaussian" or drawn.abs().max() <= 0.5
    some = Noise(kind, 0.5, rate=0.25).draw(3, (2000, 4), torch.device("cpu"))
    hit = some.any(1)
    assert hit.float().mean().item() == pytest.approx(0.25, abs=0.04) and some[hit].all()
    assert torch.equal(Noise(kind, 0.5).draw(3, (200, 100), torch.device("cpu")), drawn)


def test_noise_is_on_the_rows_that_have_a_seed_and_nowhere_else(still):
    model = MadxForTokenClassification.from_pretrained(still, num_labels=3).eval()
    embedding = model.get_input_embeddings()
    ids, mask = torch.tensor([[0, 9, 2, 1], [0, 9, 8, 2]]), torch.tensor([[1, 1, 1, 0], [1, 1, 1, 1]])
    plain = embedding(ids)
    for seeds, rows in (([0, 7], [1]), ([7, 0], [0]), ([7, 8], [0, 1])):
        with noisy(model, torch.tensor(seeds), mask, NOISE):
            added = embedding(ids) - plain
        assert [i for i in (0, 1) if added[i].any()] == rows and not added[0, 3].any()
    assert torch.equal(embedding(ids), plain)


def test_half_precision_rounds_what_the_encoder_says_and_no_loss(parts, tmp_path):
    """bfloat16 by autocast: both models' heads say rounded numbers, and the parts of the loss stay near."""
    expected = by_hand(parts, range(24), False)
    trainer = make_trainer(parts, tmp_path / "out", per_device_train_batch_size=24, bf16=True)
    said, compared, sums = [], [], trainer.sums
    for model in parts[:2]:
        model.classifier.register_forward_hook(lambda module, args, out: said.append(out.dtype))
    trainer.sums = lambda predictions, batch: (
        compared.extend([predictions.dtype, batch["teacher"].dtype]) or sums(predictions, batch)
    )
    trainer.train()
    assert set(said) == {torch.bfloat16} and compared == [torch.float32] * 2
    logged = trainer.state.log_history[0]
    assert [logged[f"loss_{part}"] for part in ("task", "r1", "r2")] == pytest.approx(expected, rel=0.05)
    assert all(weight.dtype == torch.float32 for weight in parts[0].parameters())
