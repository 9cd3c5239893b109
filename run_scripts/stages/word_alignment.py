"""Word alignment from arguments to a file of links, scores against gold, and drawings."""

import logging
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import gather_object
from tqdm.auto import tqdm
from transformers import PreTrainedTokenizerBase

from xlzoo.modeling.modeling_xlm_align import XLMAlignModel
from xlzoo.run_scripts.arguments import ModelArguments
from xlzoo.run_scripts.corpora.alignments import Link, read_gold, read_pharaoh
from xlzoo.run_scripts.corpora.bitext import SentencePair
from xlzoo.run_scripts.devices import usable_device
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.models.encoders import load_encoder, load_tokenizer
from xlzoo.run_scripts.stages.alignment_input import check_pairs, read_pairs, words_of
from xlzoo.run_scripts.stages.alignment_plot import DrawnPair, draw_alignments, require_matplotlib
from xlzoo.run_scripts.stages.link_file import LinkFile
from xlzoo.run_scripts.tasks.word_alignment import AlignmentTally
from xlzoo.run_scripts.word_align_arguments import AlignerArguments, BitextArguments

CHUNK = 1024
"""Pairs that a process aligns at once; a run that died goes on after the last of these that were written."""
Reader = Callable[[], Iterator[SentencePair]]
logger = logging.getLogger(__name__)


def align_bitext(aligner_args: AlignerArguments, bitext_args: BitextArguments) -> dict[str, Any]:
    """Align as the arguments say, and return the number of pairs and, with gold, the scores by layer.

    All input is read and checked before an aligner is loaded. Started several times by torchrun or accelerate, the
    processes share the pairs, and the first one writes and scores.
    """
    gold = read_gold(Path(bitext_args.gold_file)) if bitext_args.gold_file else None
    reader = partial(read_pairs, bitext_args.open(), bitext_args, gold)
    count, scored = check_pairs(reader(), gold, is_whole=bitext_args.max_samples is None)
    _check_outputs(aligner_args, bitext_args, count, scored)
    state = PartialState(cpu=aligner_args.device == "cpu")
    device = usable_device(aligner_args.device) if aligner_args.device else state.device
    output = _open_output(aligner_args, bitext_args, count)
    tokenizer, model = load_aligner(aligner_args, device)
    layers = aligner_args.layers(model.config.num_hidden_layers, model.config.align_layer)
    state.wait_for_everyone()  # All have seen how far the output goes.
    tally = AlignmentTally(layers) if scored else None
    run = _Run(model, tokenizer, layers, aligner_args.options, output, tally)
    if output or tally:
        run.align(reader, count, state)
    if bitext_args.plot and state.is_main_process:
        _draw(run, reader, bitext_args)
    return {"pairs": count, **({"layers": tally.scores()} if tally and state.is_main_process else {})}


def load_aligner(args: AlignerArguments, device: torch.device) -> tuple[PreTrainedTokenizerBase, XLMAlignModel]:
    """Load the tokenizer and the encoder that the arguments name; UserError where they are not of XLM-R's family."""
    names = ModelArguments(
        model_name_or_path=args.model_name_or_path,
        tokenizer_name=args.tokenizer_name,
        trust_remote_code=args.trust_remote_code,
    )
    tokenizer = load_tokenizer(names)
    model: Any = load_encoder(XLMAlignModel, names, tokenizer)
    return tokenizer, model.eval().to(device)


def _check_outputs(aligner_args: AlignerArguments, args: BitextArguments, count: int, scored: bool) -> None:
    if aligner_args.several_layers and not scored:
        raise UserError("--layer names several layers, which can only be scored; give --gold_file, or one layer.")
    if aligner_args.several_layers and (args.output_file or args.plot):
        raise UserError("--output_file and --plot hold the links of one layer; give one --layer, or leave them out.")
    if not (args.output_file or args.plot or scored):
        raise UserError("The links would go nowhere; give --output_file, --gold_file or --plot.")
    if args.plot:
        require_matplotlib()
        if (last := max(args.plot_sentences, default=1)) > count:
            raise UserError(f"--plot_sentences is {last}, the text has {count} pairs; expected 1 to {count}.")


def _open_output(aligner_args: AlignerArguments, args: BitextArguments, count: int) -> LinkFile | None:
    if args.output_file is None:
        return None
    output = LinkFile(Path(args.output_file), {**aligner_args.settings, **args.settings}, args.overwrite)
    if output.lines > count and args.max_samples is None:
        raise UserError(
            f"--output_file {output.path} holds links of {output.lines} pairs, the text has {count}; name another "
            "file, or give --overwrite."
        )
    return output


class _Run:
    """An aligner at work, and where its links go."""

    def __init__(
        self,
        model: XLMAlignModel,
        tokenizer: PreTrainedTokenizerBase,
        layers: list[int],
        options: dict[str, Any],
        output: LinkFile | None,
        tally: AlignmentTally | None,
    ) -> None:
        self.model, self.tokenizer, self.layers, self.options = model, tokenizer, layers, options
        self.output, self.tally = output, tally

    def align(self, reader: Reader, count: int, state: PartialState) -> None:
        """Align what the output does not hold yet, chunk by chunk; a chunk is written once all of it is aligned."""
        pairs, done = reader(), 0
        if self.output is not None:
            done = min(self.output.lines, count)
            if state.is_main_process:
                self.output.begin()
                self._score_known(islice(pairs, done))
            else:
                pairs = islice(pairs, done, None)
        if done:
            logger.info("%d of %d pairs are aligned already", done, count)
        with tqdm(total=count, initial=done, unit=" pairs", disable=not state.is_main_process) as progress:
            while chunk := list(islice(pairs, CHUNK * state.num_processes)):
                start = CHUNK * state.process_index
                mine = [(pair.source, pair.target) for pair in chunk[start : start + CHUNK]]
                found = self.model.align_layers(mine, self.tokenizer, self.layers, **self.options)
                gathered = gather_object([{layer: [list(each) for each in links] for layer, links in found.items()}])
                if state.is_main_process:
                    self._keep(chunk, {layer: [one for part in gathered for one in part[layer]] for layer in found})
                progress.update(len(chunk))

    def _keep(self, chunk: list[SentencePair], links: dict[int, list[list[Link]]]) -> None:
        if self.output is not None:
            self.output.append(links[self.layers[0]])
        if self.tally is not None:
            for number, pair in enumerate(chunk):
                if pair.gold is not None:
                    found = {layer: of_layer[number] for layer, of_layer in links.items()}
                    self.tally.add(found, pair.gold.sure, pair.gold.possible)

    def _score_known(self, pairs: Iterator[SentencePair]) -> None:
        """Score what the output holds already, and leave these pairs behind."""
        if self.output is None:
            return
        known = read_pharaoh(self.output.path) if self.tally else None
        for pair in pairs:
            if self.tally is not None and known is not None and pair.gold is not None:
                self.tally.add({self.layers[0]: next(known).sure}, pair.gold.sure, pair.gold.possible)


def _draw(run: _Run, reader: Reader, args: BitextArguments) -> None:
    """Draw the chosen pairs, in the order in which they were named."""
    numbers = args.plot_sentences or [1]
    chosen = {n: pair for n, pair in enumerate(islice(reader(), max(numbers)), start=1) if n in numbers}
    pairs = [(chosen[number].source, chosen[number].target) for number in numbers]
    links = run.model.align_layers(pairs, run.tokenizer, run.layers, **run.options)[run.layers[0]]
    drawn = [
        DrawnPair(
            number,
            words_of(source),
            words_of(target),
            [(*link, score) for link, score in found.items()],
            chosen[number].gold,
        )
        for number, (source, target), found in zip(numbers, pairs, links, strict=True)
    ]
    draw_alignments(drawn, Path(str(args.plot)))
