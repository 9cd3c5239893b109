"""A causal language model as lm-eval asks it, whatever special tokens its tokenizer adds."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import torch
from accelerate import PartialState
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from xlzoo.run_scripts.devices import as_many_as_fit
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.measuring.text_perplexity import USUAL_CONTEXT, start_token
from xlzoo.run_scripts.models.positions import positions_left
from xlzoo.run_scripts.processes import shared

Done = TypeVar("Done")
Encoded = tuple[tuple[str, str], list[int], list[int]]
"""Context and answer, and the tokens of each."""


class Harnessed(HFLM):
    """A loaded model for lm-eval, which gets objects, not names, and so looks nothing up.

    A text is read after its start token and without an end: lm-eval leaves special tokens to the tokenizer, and where
    that closes texts with one it would count that token as the answer's, and not count the answer's first.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        batch_size: int = 16,
        max_length: int | None = None,
        max_new_tokens: int = 256,
    ) -> None:
        """Wrap a model in evaluation mode; UserError for lengths that it has no positions for."""
        most = positions_left(model)
        length = max_length or most or USUAL_CONTEXT
        if most and length > most:
            raise UserError(f"--max_length is {length}; expected at most {most}, all that the model takes.")
        self.start = start_token(tokenizer)
        self.most_new = max_new_tokens
        self.cut = 0
        """Requests whose beginning was cut off because the model could not read all of them."""
        super().__init__(
            pretrained=model,
            backend="causal",
            tokenizer=tokenizer,
            batch_size=batch_size,
            max_length=length,
            softmax_dtype="float32",
            prefix_token_id=self.start,
        )

    @property
    def max_gen_toks(self) -> int:
        """How many tokens an answer may have."""
        return self.most_new

    def require_room(self) -> None:
        """Refuse answers that leave no room for a question; UserError."""
        if self.most_new >= self.max_length:
            raise UserError(
                f"--max_new_tokens is {self.most_new}, but the model reads only {self.max_length} tokens, question "
                "and answer; give fewer."
            )

    def tok_encode(
        self, string: str, add_special_tokens: bool | None = None, left_truncate_len: int | None = None, **kwargs: Any
    ) -> list[int]:
        """Tokenise a text after its start token, or without that where `add_special_tokens` is False."""
        ids = self.tokenizer(string, add_special_tokens=False)["input_ids"]
        if add_special_tokens is not False:
            ids = [self.start, *ids]
        return ids[-left_truncate_len:] if left_truncate_len else ids

    def tok_batch_encode(
        self,
        strings: list[str],
        padding_side: str = "left",
        left_truncate_len: int | None = None,
        truncation: bool = False,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Tokenise questions that are to be answered freely, padded on the left: ids and mask, `[B, L]`."""
        rows = [self.tok_encode(string) for string in strings]
        if left_truncate_len:
            self.cut += sum(len(row) > left_truncate_len for row in rows)
            rows = [row[-left_truncate_len:] for row in rows]
        width = max(map(len, rows))
        ids = [[self.tokenizer.pad_token_id] * (width - len(row)) + row for row in rows]
        mask = [[0] * (width - len(row)) + [1] * len(row) for row in rows]
        return torch.tensor(ids), torch.tensor(mask)

    def _model_call(self, inps: torch.Tensor, *unused: Any, **also_unused: Any) -> torch.Tensor:
        """Return logits `[B, L, V]`; rows are padded on the right, which a causal model does not see."""
        with torch.no_grad():
            return self.model(input_ids=inps, attention_mask=torch.ones_like(inps), use_cache=False).logits

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """Score answers after contexts; without one, after the start token, even where they begin with that token.

        Several processes share the requests. UserError for an answer that is no token, or too many.
        """
        encoded: list[Encoded] = []
        for context, answer in (request.args for request in requests):
            if context:
                before, after = self._encode_pair(context, answer)
            else:
                before, after = [self.start], self.tok_encode(answer, add_special_tokens=False)
            encoded.append(((context, answer), before, after))
        self._require_answers(encoded)
        return shared(encoded, partial(self._loglikelihood_tokens, disable_tqdm=disable_tqdm or self._is_other))

    def loglikelihood_rolling(self, requests: list[Instance], disable_tqdm: bool = False) -> list[float]:
        """Score whole texts, shared between the processes."""
        return shared(requests, partial(super().loglikelihood_rolling, disable_tqdm=disable_tqdm or self._is_other))

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """Write answers, shared between the processes, in as large batches as the memory holds."""
        write = partial(super().generate_until, disable_tqdm=disable_tqdm or self._is_other)
        return shared(requests, lambda mine: self._fitting(partial(write, mine)))

    def _loglikelihood_tokens(self, requests: list[Encoded], *args: Any, **kwargs: Any) -> list[tuple[float, bool]]:
        """Count the requests that are cut off, and score all in as large batches as the memory holds."""
        self.cut += sum(len(before) + len(after) > self.max_length + 1 for _, before, after in requests)
        return self._fitting(partial(super()._loglikelihood_tokens, requests, *args, **kwargs))

    def _require_answers(self, encoded: list[Encoded]) -> None:
        for (context, answer), _, after in encoded:
            if not after:
                raise UserError(
                    f"The tokenizer makes no token of its own of the answer {answer[:60]!r} after {context[-40:]!r}."
                )
            if len(after) > self.max_length:
                raise UserError(
                    f"The answer {answer[:60]!r} has {len(after)} tokens, but the model reads only {self.max_length}; "
                    "evaluate one with more positions."
                )

    def _fitting(self, work: Callable[[], Done]) -> Done:
        """Do the work in batches of `batch_size` rows, or as many of them as the memory holds."""
        cut = self.cut

        def in_batches(rows: int) -> Done:
            self.batch_size_per_gpu, self.cut = rows, cut
            return work()

        return as_many_as_fit(in_batches, self.batch_size_per_gpu)

    @property
    def _is_other(self) -> bool:
        """Whether another process shows the progress."""
        return not PartialState().is_main_process
