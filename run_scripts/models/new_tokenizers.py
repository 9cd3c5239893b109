"""Tokenizers learned from the training text: XLM-R's for encoders, one that loses no character for decoders.

SentencePiece learns the pieces, which are the same in every run; those of `tokenizers` are not.
"""

import io
import json
import re
from collections.abc import Iterable
from pathlib import Path

from sentencepiece import SentencePieceProcessor, SentencePieceTrainer
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast, XLMRobertaTokenizer

from xlzoo.run_scripts.errors import UserError

SPECIAL_TOKENS = ["<s>", "<pad>", "</s>", "<unk>"]
Pieces = list[tuple[str, float]]


def train_tokenizer(texts: Iterable[str], vocab_size: int) -> PreTrainedTokenizerBase:
    """Train an XLM-R tokenizer (Unigram, words split at spaces) of `vocab_size` pieces, special ones included."""
    # XLM-R's order: its four special tokens, the pieces, and <mask> at the end.
    vocab = _learned(texts, vocab_size, byte_fallback=False)[: vocab_size - 1]
    return XLMRobertaTokenizer(vocab=[*vocab, ("<mask>", 0.0)], model_max_length=512)


def train_decoder_tokenizer(texts: Iterable[str], vocab_size: int) -> PreTrainedTokenizerBase:
    """Train a tokenizer of `vocab_size` pieces for a causal language model.

    Unigram pieces of words split at spaces, and bytes for characters that the texts do not hold, so that nothing is
    unknown. `<s>` stands before a text; no end is set behind it, for a model is to go on there.
    """
    vocab = _learned(texts, vocab_size, byte_fallback=True)[:vocab_size]
    backend = Tokenizer(models.Unigram(vocab, unk_id=SPECIAL_TOKENS.index("<unk>"), byte_fallback=True))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", SPECIAL_TOKENS.index("<s>"))]
    )
    names = dict(zip(("bos_token", "pad_token", "eos_token", "unk_token"), SPECIAL_TOKENS, strict=True))
    return PreTrainedTokenizerFast(tokenizer_object=backend, **names)


def save_tokenizer(tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Save a tokenizer so that transformers 4 reads it too, which does not know its class by version 5's name."""
    tokenizer.save_pretrained(folder)
    path = folder / "tokenizer_config.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    if settings.get("tokenizer_class") == "TokenizersBackend":
        settings["tokenizer_class"] = "PreTrainedTokenizerFast"
        path.write_text(json.dumps(settings, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _learned(texts: Iterable[str], vocab_size: int, byte_fallback: bool) -> Pieces:
    """Return the special tokens and, the best first, at least as many pieces as there is room for."""
    model = io.BytesIO()
    try:
        SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_writer=model,
            vocab_size=vocab_size,
            hard_vocab_limit=False,
            normalization_rule_name="identity",
            byte_fallback=byte_fallback,
            num_threads=1,
            minloglevel=2,
            bos_id=-1,
            eos_id=-1,
        )
    except RuntimeError as error:
        counted = re.search(r"\d+ vs (\d+)", str(error))
        needs = (
            f"its characters alone need {counted[1]} pieces" if counted else "it holds no words, or no room for them"
        )
        raise UserError(
            f"--tokenizer_vocab_size {vocab_size} does not suit the training text: {needs}; give a larger one."
        ) from error
    learned = SentencePieceProcessor(model_proto=model.getvalue())
    pieces = [(learned.id_to_piece(i), learned.get_score(i)) for i in range(1, len(learned))]
    special = [(token, 0.0) for token in SPECIAL_TOKENS]
    return [*special, *(piece for piece in pieces if piece[0] not in SPECIAL_TOKENS)]
