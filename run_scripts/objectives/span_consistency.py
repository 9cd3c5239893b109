"""xTune of span questions: the answer's beginning and end learned, compared with those of views, and found again."""

from collections import defaultdict
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from transformers import EvalPrediction

from xlzoo.run_scripts.corpora.pieces import IGNORED
from xlzoo.run_scripts.objectives.consistency import Batch, ConsistencyTrainer
from xlzoo.run_scripts.objectives.consistency_losses import span_example_consistency, span_model_consistency
from xlzoo.run_scripts.tasks.span_questions import Ends, SpanTask, best_span
from xlzoo.run_scripts.tasks.spans import answer_scores

READ = ("input_ids", "attention_mask")


class SpanConsistencyTrainer(ConsistencyTrainer):
    """Consistency training on batches of `SpanViewCollator`, every part a mean over passages of a whole step.

    The task's own loss is the mean of the cross-entropies of beginning and end over a passage's tokens, padding left
    out. Answers are the best spans over all windows of a question, of the `n_best` beginnings and ends of each and of
    at most `longest` tokens; scores are means over questions.
    """

    def __init__(self, *, task: SpanTask, n_best: int, longest: int, **kwargs: Any) -> None:
        super().__init__(compute_metrics=self._score, **kwargs)
        self.task, self.n_best, self.longest = task, n_best, longest
        self.questions: Any = None

    @staticmethod
    def predictions(outputs: Any) -> torch.Tensor:
        """Return the logits of beginning and end of every token, `[2B * L, 2]`."""
        return torch.stack([outputs.start_logits, outputs.end_logits], dim=-1).float().flatten(0, -2)

    @staticmethod
    def counts(batch: Batch) -> torch.Tensor:
        """Return how many passages have an answer to learn, tokens to compare, and the teacher's word, `[3]`."""
        learned, compared = batch["positions"][:, 0] != IGNORED, (batch["own"] >= 0).any(-1)
        return torch.stack(
            [learned.sum(), compared.sum(), torch.tensor(len(batch["taught"])).to(learned.sum())]
        ).float()

    def sums(self, predictions: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Return the parts, each summed over its passages and without its weight, `[3]`."""
        mask = batch["attention_mask"].bool()
        logits, number = _without(predictions.unflatten(0, mask.shape), mask), len(batch["positions"])
        own, views = logits[:number], logits[number:]
        compared = own.new_zeros(())
        if len(views):
            compared = span_example_consistency(_ends(own), _ends(views), batch["own"], batch["other"]).sum()
        return torch.stack([answer_losses(own, batch["positions"]).sum(), compared, self._of_teacher(own, batch)])

    def _of_teacher(self, own: torch.Tensor, batch: Batch) -> torch.Tensor:
        if "teacher" not in batch:
            return own.new_zeros(())
        copies, mask = own[batch["taught"]], batch["attention_mask"][batch["taught"]]
        if self.weights.hard_labels:
            best = _without(batch["teacher"], mask.bool()).argmax(1)
            return answer_losses(copies, best).sum()
        return span_model_consistency(_ends(copies), _ends(batch["teacher"]), mask).sum()

    def evaluation_loop(self, dataloader: Any, *args: Any, **kwargs: Any) -> Any:
        """Evaluate, and score against the questions of these windows."""
        self.questions = dataloader.dataset.questions
        return super().evaluation_loop(dataloader, *args, **kwargs)

    def prediction_step(
        self, model: torch.nn.Module, inputs: Batch, *_: object, **__: object
    ) -> tuple[None, Any, torch.Tensor]:
        """Return of every window its loss `[B, 1]` in front of the best ends' scores, `[B, 1 + 2 * n]`.

        And the ends' tokens and characters, `[B, 4 * n]`, and the number of its question, `[B]`.
        """
        inputs = self._prepare_inputs(inputs)
        with torch.no_grad(), self.compute_loss_context_manager():
            logits = self.predictions(model(**{name: inputs[name] for name in READ}))
        mask = inputs["attention_mask"].bool()
        logits = _without(logits.unflatten(0, mask.shape), mask)
        scores, numbers = [answer_losses(logits, inputs["positions"])[:, None]], []
        for side, characters in enumerate((inputs["begins"], inputs["ends"])):
            inside = logits[..., side].masked_fill(characters < 0, -torch.inf)
            best, tokens = inside.topk(min(self.n_best, inside.shape[1]))
            missing = (0, self.n_best - best.shape[1])
            scores.append(torch.nn.functional.pad(best, missing, value=-torch.inf))
            numbers += [torch.nn.functional.pad(found, missing) for found in (tokens, characters.gather(1, tokens))]
        return None, (torch.cat(scores, dim=1), torch.cat(numbers, dim=1)), inputs["place"]

    def _score(self, prediction: EvalPrediction) -> dict[str, float]:
        """Return the mean loss of all windows, and exact match and F1 over all questions."""
        found: Any = prediction.predictions
        scores, numbers = (np.asarray(part) for part in found)
        losses, *sides = np.split(scores, [1, 1 + self.n_best], axis=1)
        tokens = np.split(numbers, 4, axis=1)
        windows: defaultdict[int, list[tuple[Ends, Ends]]] = defaultdict(list)
        for row, place in enumerate(np.asarray(prediction.label_ids).tolist()):
            first, last = (Ends(sides[i][row], tokens[2 * i][row], tokens[2 * i + 1][row]) for i in (0, 1))
            windows[place].append((first, last))
        measured = [self._scores(question, windows[place]) for place, question in enumerate(self.questions)]
        means = {name: float(np.mean([scores[name] for scores in measured])) for name in ("f1", "exact_match")}
        return {"loss": float(losses.mean()), **means}

    def _scores(self, question: dict[str, Any], windows: list[tuple[Ends, Ends]]) -> dict[str, float]:
        start, stop = best_span(windows, self.longest)
        language = question["language"] if self.task.by_language else None
        return answer_scores(question["context"][start:stop], question["answers"], language)


def answer_losses(logits: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """Return the mean cross-entropy of beginning and end per passage, `[B, L, 2]` and `[B, 2]` to `[B]`.

    It is 0 where the positions are -100.
    """
    return cross_entropy(logits, positions, ignore_index=IGNORED, reduction="none").mean(-1)


def _without(logits: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the logits `[B, L, 2]` with no probability on padding."""
    return logits.masked_fill(~mask[..., None], -torch.inf)


def _ends(logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return logits[..., 0], logits[..., 1]
