"""XLM-Align: XLM-R that aligns the words of translated sentences.

Chi et al. 2021 (https://aclanthology.org/2021.acl-long.265). Any XLM-R, XLM-Align or InfoXLM checkpoint loads.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from transformers import AutoTokenizer, PreTrainedTokenizerBase
from transformers.models.xlm_roberta.modeling_xlm_roberta import XLMRobertaModel

from .alignment_engine import Pair, align_pairs
from .alignment_links import Link, Links
from .alignment_plan import plan_pairs  # noqa: F401 - transformers 4 fetches only siblings that this file names
from .alignment_settings import AlignmentSettings
from .alignment_states import encode_rows  # noqa: F401
from .alignment_words import split_words
from .configuration_xlm_align import XLMAlignConfig
from .optimal_transport import sinkhorn  # noqa: F401
from .word_alignment_pipeline import WordAlignmentPipeline  # noqa: F401 - and it is published with this file

if TYPE_CHECKING:  # These are fetched, and published, with this file; they need it themselves.
    from .denoising_alignment import find_partners  # noqa: F401
    from .modeling_xlm_align_pretraining import XLMAlignForPreTraining  # noqa: F401
    from .momentum_contrast import MomentumContrast  # noqa: F401
    from .token_loss import SummedCrossEntropy  # noqa: F401

ScoredLink = tuple[int, int, float]


class XLMAlignModel(XLMRobertaModel):
    """The encoder, `XLMRobertaModel` in and out, without pooler unless asked for; and a word aligner, `align`."""

    config_class = XLMAlignConfig
    config: XLMAlignConfig
    _auto_class = "AutoModel"
    _keys_to_ignore_on_load_unexpected = [r"^(roberta\.)?pooler\.", r"^(lm_head|[qk]_linear|contrast)\."]

    def __init__(self, config: XLMAlignConfig, add_pooling_layer: bool = False) -> None:
        super().__init__(config, add_pooling_layer=add_pooling_layer)
        self._tokenizer: PreTrainedTokenizerBase | None = None

    def align(
        self,
        pairs: Iterable[Pair],
        tokenizer: PreTrainedTokenizerBase | None = None,
        method: str = "ot",
        layer: int | None = None,
        encode: str = "joint",
        scores: bool = False,
        **options: Any,
    ) -> list[list[Link]] | list[list[ScoredLink]]:
        """Return the links between the words of each pair of sentences, sorted, both sides counted from 0.

        Args:
            pairs: (source, target), any number of them, each side a list of words, or a text, whose words are those of
                `split_words`: what lies between spaces, and characters in scripts without spaces. An empty side has
                no links.
            tokenizer: by default the one that was saved with the model.
            method: "ot", XLM-Align's optimal transport; SimAlign's "argmax" or "itermax"; "match", the optimal
                matching, which needs scipy.
            layer: whose states are compared, 0 for the embeddings; by default `config.align_layer`.
            encode: "joint", both sentences in one row as in XLM-Align, or "separate" as in SimAlign.
            scores: return (source word, target word, score from 0 to 1): for "ot" the geometric mean of the shares
                that two pieces have of each other's mass, else (1 + cosine) / 2; of several pieces the best.
            options: `sinkhorn_steps`, rounds of "ot", by default `config.sinkhorn_steps`; `max_count`, rounds of
                "itermax", by default 2; `batch_tokens`, places of an encoder batch, padding included, by default 1024
                and on other devices than the CPU 16384; `dtype`, such as `torch.bfloat16`, for the encoder's products.

        Raises:
            ValueError: an argument is none of these, or the model was saved without a tokenizer.
            ImportError: scipy is needed and missing.
        """
        layer = self.config.align_layer if layer is None else layer
        found = self.align_layers(pairs, tokenizer, [layer], method=method, encode=encode, **options)[layer]
        if scores:
            return [[(*link, links[link]) for link in links] for links in found]
        return [list(links) for links in found]

    def align_layers(
        self,
        pairs: Iterable[Pair],
        tokenizer: PreTrainedTokenizerBase | None = None,
        layers: Sequence[int] | None = None,
        **options: Any,
    ) -> dict[int, list[Links]]:
        """Align by the states of several layers, by default of all, in one run of the encoder.

        Returns for each layer each pair's links with their scores; `options` are the arguments of `align`.
        """
        chosen = range(self.config.num_hidden_layers + 1) if layers is None else dict.fromkeys(layers)
        options.setdefault("sinkhorn_steps", self.config.sinkhorn_steps)
        settings = AlignmentSettings(tuple(chosen), **options)
        return align_pairs(self, pairs, tokenizer or self._own_tokenizer(), settings)

    @staticmethod
    def split_words(text: str) -> list[str]:
        """Return the words of a text, to which the links of that text refer."""
        return split_words(text)

    def _own_tokenizer(self) -> PreTrainedTokenizerBase:
        if self._tokenizer is None:
            if not self.name_or_path:
                raise ValueError("This model was not loaded from anywhere, so no tokenizer is known; give one.")
            try:
                self._tokenizer = AutoTokenizer.from_pretrained(self.name_or_path, trust_remote_code=False)
            except (OSError, ValueError) as error:
                raise ValueError(f"{self.name_or_path} holds no tokenizer that loads; give one to align().") from error
        return self._tokenizer
