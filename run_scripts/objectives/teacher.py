"""What the model of stage 1 says of an epoch's augmented copies: worked out once, kept on disk, read by workers."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from peft import PeftModel
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch.utils.data import DataLoader, Subset
from tqdm import tqdm
from transformers import PreTrainedModel, TrainingArguments

from xlzoo.run_scripts.corpora.view_rows import ViewCollator, ViewRows
from xlzoo.run_scripts.objectives.embedding_noise import Noise, noisy

Predictions = Callable[[Any], torch.Tensor]
"""From a model's outputs to a row of logits for every prediction, `[N, C]`."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TeacherFiles:
    """The files of a folder that all processes see: of every epoch one for each process, whose rows are every n-th.

    A file holds the `logits` `[predictions, C]` of its rows one after the other, and where each begins, `starts`
    `[rows + 1]`.
    """

    folder: Path
    processes: int
    key: str
    """Tells runs apart: files with another one are not read."""

    def path(self, epoch: int, process: int) -> Path:
        """Name an epoch's file of one process."""
        return self.folder / f"epoch-{epoch}-{process + 1}-of-{self.processes}.safetensors"

    def is_there(self, epoch: int, process: int) -> bool:
        """Say whether that file is complete and this run's."""
        try:
            with safe_open(self.path(epoch, process), "pt") as stored:
                return (stored.metadata() or {}).get("key") == self.key
        except (OSError, SafetensorError):
            return False

    def write(self, epoch: int, process: int, rows: list[torch.Tensor]) -> None:
        """Write the logits of rows `[predictions, C]`; the file appears when it is whole."""
        path = self.path(epoch, process)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        starts = torch.tensor([0, *(len(row) for row in rows)]).cumsum(0)
        save_file({"logits": torch.cat(rows), "starts": starts}, part, metadata={"key": self.key})
        part.replace(path)

    def keep(self, epoch: int) -> None:
        """Delete the files of all other epochs."""
        for path in self.folder.glob("epoch-*"):
            if not path.name.startswith(f"epoch-{epoch}-"):
                path.unlink(missing_ok=True)

    def delete(self) -> None:
        """Delete everything."""
        self.keep(-1)
        if self.folder.is_dir():
            self.folder.rmdir()


class Recollection:
    """Reads the teacher's logits of a row, in a worker say; the files of one epoch stay open."""

    def __init__(self, files: TeacherFiles) -> None:
        self.files, self.epoch = files, -1
        self.parts: list[tuple[Any, torch.Tensor]] = []

    def __call__(self, epoch: int, number: int) -> torch.Tensor:
        """Return the logits `[predictions, C]` of a copy, by its number among the copies."""
        if epoch != self.epoch:
            opened = [safe_open(self.files.path(epoch, i), "pt") for i in range(self.files.processes)]
            self.parts = [(file.get_slice("logits"), file.get_tensor("starts")) for file in opened]
            self.epoch = epoch
        logits, starts = self.parts[number % self.files.processes]
        place = number // self.files.processes
        return logits[int(starts[place]) : int(starts[place + 1])]

    def __getstate__(self) -> dict[str, Any]:
        return {"files": self.files, "epoch": -1, "parts": []}


class Teacher:
    """The model of stage 1, which looks at the copies of `rows` when their epoch starts.

    Between epochs it rests on the CPU. `rows` are doubled, and `collator` draws the copies that the student will see.
    The student's Trainer has it join before the first epoch.
    """

    def __init__(
        self,
        model: PreTrainedModel | PeftModel,
        rows: ViewRows,
        collator: ViewCollator,
        files: TeacherFiles,
        noise: Noise,
        args: TrainingArguments,
    ) -> None:
        self.model, self.rows, self.collator, self.files, self.noise = model, rows, collator, files, noise
        self.args = args
        self.accelerator: Accelerator | None = None
        self.predictions: Predictions | None = None

    def join(self, accelerator: Accelerator, predictions: Predictions) -> None:
        """Learn which process this is, and how the student's predictions are read from a model's outputs."""
        self.accelerator, self.predictions = accelerator, predictions

    def start(self, epoch: int) -> None:
        """Start the rows' epoch, and have the teacher's logits of all its copies on disk."""
        if self.accelerator is None:
            raise RuntimeError("the teacher was started before its Trainer")
        self.rows.start(epoch)
        process = self.accelerator.process_index
        if not self.files.is_there(epoch, process):
            self.files.write(epoch, process, self._all_logits(process))
        self.accelerator.wait_for_everyone()
        if process == 0:
            self.files.keep(epoch)

    def _all_logits(self, process: int) -> list[torch.Tensor]:
        number = len(self.rows.rows)
        mine = range(process, number, self.files.processes)
        # Copies of like lengths are read together.
        order = sorted(mine, key=self.rows.lengths.__getitem__)
        made: dict[int, torch.Tensor] = dict(zip(order, self._logits([number + i for i in order]), strict=True))
        return [made[i] for i in mine]

    @torch.no_grad()
    def _logits(self, indices: list[int]) -> Iterator[torch.Tensor]:
        """Yield the logits `[predictions, C]` of rows, without touching the random numbers of the training."""
        accelerator: Any = self.accelerator
        predictions: Any = self.predictions
        model: Any = self.model
        loader: DataLoader[Any] = DataLoader(
            Subset(self.rows, indices),
            batch_size=self.args.per_device_eval_batch_size,
            collate_fn=self.collator.copies,
            num_workers=self.args.dataloader_num_workers,
            generator=torch.Generator(),
        )
        model.to(accelerator.device).eval()
        hidden = not accelerator.is_local_main_process or None
        for batch in tqdm(loader, desc="Asking the teacher", unit="batches", disable=hidden, leave=False):
            batch = {name: value.to(accelerator.device) for name, value in batch.items()}
            mask = batch["attention_mask"]
            with noisy(model, batch.get("noise"), mask, self.noise), accelerator.autocast():
                outputs = model(input_ids=batch["input_ids"], attention_mask=mask)
            found = predictions(outputs)[batch["places"]].cpu()
            yield from found.split(batch["sizes"].tolist())
        model.to("cpu")
