"""Sequence-to-sequence learning from arguments to a saved model, or an adapter of PEFT's for one."""

from functools import partial
from itertools import islice
from typing import Any

from datasets import DatasetDict
from peft import PeftModel
from transformers import set_seed

from xlzoo.hub_cards.probes import record_model, record_peft
from xlzoo.run_scripts.corpora.checks import require_text
from xlzoo.run_scripts.corpora.sequences import as_source_and_target
from xlzoo.run_scripts.language_tests import by_language, joined
from xlzoo.run_scripts.models.decoder_tokenizers import start_decoder_tokenizer
from xlzoo.run_scripts.models.decoders import DecoderArguments
from xlzoo.run_scripts.models.new_tokenizers import save_tokenizer
from xlzoo.run_scripts.models.quantization import prepared, require_adapter
from xlzoo.run_scripts.models.seq2seq_models import start_seq2seq
from xlzoo.run_scripts.objectives.seq2seq import Seq2SeqCollator, Seq2SeqConfig, Seq2SeqTrainer
from xlzoo.run_scripts.peft_arguments import PeftArguments, require_trainable
from xlzoo.run_scripts.runs import check_output, claim_output, needed_splits, require_fit, run_trainer, write_results
from xlzoo.run_scripts.seq2seq_arguments import Seq2SeqArguments
from xlzoo.run_scripts.stages.causal_facts import seq2seq_facts
from xlzoo.run_scripts.stages.curves import draw_curve
from xlzoo.run_scripts.stages.facts import record_run
from xlzoo.run_scripts.stages.papers import METHODS
from xlzoo.run_scripts.stages.publishing import publish_run, write_facts
from xlzoo.run_scripts.stages.snippets import opening

SHOWN = 1000
"""Training rows that are looked at for a prompt that a card can show."""


def train_seq2seq(
    model_args: DecoderArguments, data_args: Seq2SeqArguments, peft_args: PeftArguments, args: Seq2SeqConfig
) -> dict[str, Any]:
    """Train and evaluate as the arguments say, save to `output_dir`, and return the metrics.

    The result is a whole model with its tokenizer, or with `--use_peft` an adapter in PEFT's format.
    """
    require_adapter(model_args.quantization, peft_args.use_peft or bool(peft_args.load_adapter), args)
    splits = data_args.prompts()
    tests = data_args.tests(Seq2SeqArguments.prompts, splits) if args.do_predict else DatasetDict()
    rows = needed_splits(args, DatasetDict({**splits, **joined(tests)}))
    for column in ("prompt", "completion"):
        require_text(rows, column)
    checkpoint = check_output(args)
    set_seed(args.seed)
    tokenizer = start_decoder_tokenizer(model_args, rows, checkpoint)
    model, start = start_seq2seq(model_args, tokenizer)
    model = prepared(model, model_args.quantization, bool(args.gradient_checkpointing))
    adapted = peft_args.adapt(model, "SEQ_2_SEQ_LM")
    require_trainable(adapted, bool(args.gradient_checkpointing))
    require_fit(adapted, checkpoint)
    encode = partial(
        as_source_and_target,
        tokenizer=tokenizer,
        source_length=data_args.max_source_length,
        target_length=data_args.max_target_length,
    )
    encoded = {split: encode(part) for split, part in rows.items() if split != "test"}
    claim_output(args)
    args.remove_unused_columns = False
    trainer = Seq2SeqTrainer(
        model=adapted,
        args=args,
        train_dataset=encoded.get("train"),
        eval_dataset=encoded.get("validation"),
        data_collator=Seq2SeqCollator(tokenizer.pad_token_id, start),
        processing_class=tokenizer,
    )
    results = run_trainer(trainer, checkpoint, by_language(tests, encode))
    if trainer.is_world_process_zero():
        if args.do_train:
            adapted.save_pretrained(str(args.folder))
            save_tokenizer(tokenizer, args.folder)
            figures = draw_curve(trainer.state.log_history, "eval_perplexity", [args.folder])
            run = record_run((model_args, data_args, args), results, "text-generation", figures)
            prompt = opening(row["prompt"] for row in islice(rows["train"], SHOWN))
            method = METHODS[adapted.active_peft_config.peft_type] if isinstance(adapted, PeftModel) else None
            facts = seq2seq_facts(run, prompt, method)
            write_facts(args.folder, facts)
        write_results(args.folder, results)
        if args.do_train:
            record = partial(record_model, adapted)
            if isinstance(adapted, PeftModel):
                record = partial(record_peft, adapted, base=str(model_args.model_name_or_path))
            publish_run(args.folder, facts, args, model_args.model_name_or_path, record)
    return results
