"""Testing a model of xTune as it was saved, for kinds of tasks that no other script tests."""

from functools import partial
from typing import Any

from transformers import set_seed

from xlzoo.run_scripts.language_tests import by_language
from xlzoo.run_scripts.models.encoders import check_length
from xlzoo.run_scripts.objectives.consistency import Weights
from xlzoo.run_scripts.objectives.consistency_config import ConsistencyConfig
from xlzoo.run_scripts.runs import check_output, claim_output, run_trainer, write_results
from xlzoo.run_scripts.stages.xtune_kinds import Inputs
from xlzoo.run_scripts.stages.xtune_models import saved_model
from xlzoo.run_scripts.stages.xtune_report import add_means, write_report


def test_model(inputs: Inputs, args: ConsistencyConfig) -> dict[str, Any]:
    """Evaluate and predict as the arguments say, write the scores to `output_dir`, and return them."""
    check_output(args)
    set_seed(args.seed)
    kind, encode = inputs.kind, partial(inputs.kind.encode, inputs=inputs)
    model = saved_model(inputs)
    check_length(model.config, inputs.length)
    claim_output(args)
    args.remove_unused_columns = False
    trainer = kind.trainer(
        inputs,
        weights=Weights(args.r1_weight),
        model=model,
        args=args,
        train_dataset=None,
        eval_dataset=encode(inputs.rows["validation"]) if "validation" in inputs.rows else None,
        data_collator=kind.collator(inputs, None, args.seed, None),
        processing_class=inputs.tokenizer,
    )
    results = run_trainer(trainer, None, by_language(inputs.tests, encode))
    languages, source = list(inputs.tests), inputs.data.source_name
    add_means(results, inputs.task, languages, source)
    if trainer.is_world_process_zero():
        write_report(args.folder, inputs.task, languages, source, {"test": results})
        write_results(args.folder, results)
    return results
