"""`pipeline("word-alignment", model=..., trust_remote_code=True)`: from pairs of sentences to words and links."""

from collections.abc import Iterable, Sequence
from typing import Any

from transformers import Pipeline

from .alignment_words import split_words


class WordAlignmentPipeline(Pipeline):
    """Aligns a pair, which is a tuple (source, target), or a list of pairs; a sentence is a text or a list of words.

    Returns for each pair a dictionary: "source" and "target", the words; "links", pairs of their numbers from 0; and
    "scores", one from 0 to 1 for each link. The options are those of `XLMAlignModel.align`.
    """

    _load_processor = False
    _load_image_processor = False
    _load_feature_extractor = False
    _load_tokenizer = True

    def _sanitize_parameters(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        return {}, options, {}

    def __call__(self, pairs: Any, **options: Any) -> dict[str, Any] | list[dict[str, Any]]:
        """Align a pair, or a list of pairs all at once, so that they are batched by their length."""
        _, forward, _ = self._sanitize_parameters(**options)
        one = isinstance(pairs, tuple)
        results = self.run_single([pairs] if one else pairs, {}, {**self._forward_params, **forward}, {})
        return results[0] if one else results

    def preprocess(self, pairs: Iterable[Any], **_: Any) -> dict[str, Any]:
        """Collect the pairs."""
        return {"pairs": list(pairs)}

    def _forward(self, inputs: dict[str, Any], **options: Any) -> dict[str, Any]:
        links = self.model.align(inputs["pairs"], self.tokenizer, scores=True, **options)
        return {**inputs, "links": links}

    def postprocess(self, outputs: dict[str, Any], **_: Any) -> list[dict[str, Any]]:
        """Lay out each pair's words, links and scores."""
        return [
            {
                "source": _words(source),
                "target": _words(target),
                "links": [(one, other) for one, other, _ in links],
                "scores": [score for *_, score in links],
            }
            for (source, target), links in zip(outputs["pairs"], outputs["links"], strict=True)
        ]


def _words(sentence: str | Sequence[str]) -> list[str]:
    return split_words(sentence) if isinstance(sentence, str) else list(sentence)
