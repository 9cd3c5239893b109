"""A step of xTune as run_xtune.py takes it, by its own Trainer; its teacher is asked once per epoch."""

import torch
from transformers import TrainingArguments
from xtune_step import LENGTH, R1, R2, Parts, batches, chosen, rows, serve, tagger, tokenizer, view

from xlzoo.run_scripts.corpora.phrasebook import UPOS
from xlzoo.run_scripts.corpora.tagged_views import TaggedViewCollator
from xlzoo.run_scripts.objectives.consistency import Batch, TaggingConsistencyTrainer, Weights
from xlzoo.run_scripts.objectives.embedding_noise import Noise
from xlzoo.run_scripts.objectives.teacher import Recollection, Teacher, TeacherFiles
from xlzoo.run_scripts.tasks import TASKS

model = tagger(0)
args = TrainingArguments(
    output_dir=str(chosen.folder / "out"), use_cpu=True, report_to="none", remove_unused_columns=False
)
files = TeacherFiles(chosen.folder / "teacher", processes=1, key="bench")
collators = {
    "1": TaggedViewCollator(tokenizer, view, None, LENGTH, chosen.seed),
    "2": TaggedViewCollator(tokenizer, view, view, LENGTH, chosen.seed, Recollection(files)),
}
teacher = Teacher(tagger(1), rows["2"], collators["2"], files, Noise(), args)
trainers = {
    stage: TaggingConsistencyTrainer(
        task=TASKS["pos"],
        labels=UPOS,
        weights=Weights(R1, R2),
        teacher=teacher if stage == "2" else None,
        model=model,
        args=args,
        train_dataset=rows[stage],
        data_collator=collator,
        processing_class=tokenizer,
    )
    for stage, collator in collators.items()
}
teacher.start(0)
made: dict[str, list[Batch]] = {
    at: [collators[at[0]]([rows[at[0]][index] for index in batch]) for batch in taken] for at, taken in batches.items()
}


def step(stage: str, number: int) -> Parts:
    """Run forward and backward on the views and examples of a batch at once."""
    trainer = trainers[stage[0]]
    trainer.tally.zero_()
    [batch], counts = trainer.get_batch_samples(iter([made[stage][number]]), 1, torch.device("cpu"))
    trainer.training_step(model, batch, counts)
    task, first, second = (trainer.tally[0] / trainer.tally[1].clamp(min=1)).tolist()
    return task, first, second


def teach() -> int:
    """Have the teacher look at all copies, as when an epoch starts."""
    files.keep(-1)
    teacher.start(0)
    return len(rows["1"])


serve(model, step, teach)
