"""Whether three adapters' files can be merged as the arguments ask, found out before anything is calculated."""

import logging
from collections.abc import Sequence

from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.merge_arguments import MergeArguments
from xlzoo.run_scripts.merging.layout import Layout, Strength, layer_of, layout
from xlzoo.run_scripts.merging.rules import rule_for
from xlzoo.run_scripts.merging.settings import (
    ROLES,
    require_one_base,
    require_one_kind,
    require_one_layout,
    require_one_shape,
    without_rank,
)
from xlzoo.run_scripts.models.stored_peft import PeftFiles

logger = logging.getLogger(__name__)


def require_mergeable(parents: Sequence[PeftFiles], args: MergeArguments) -> None:
    """Raise UserError, with the exact difference, where three adapters cannot be merged."""
    configs = [parent.config for parent in parents]
    is_product = args.lora_merge == "product"
    require_one_kind(configs, args.allow_rescale, is_product)
    rule_for(args.rule, configs[0]["peft_type"])
    _require_plain(configs[0], args, is_product)
    if not args.base_model:
        require_one_base(configs)
    layouts = [layout(parent.tensors, parent.config) for parent in parents]
    require_one_layout(layouts)
    shapes = [parent.tensors.shapes for parent in parents]
    require_one_shape(shapes, layouts[0].merged, without_rank if is_product else lambda key, shape: shape)
    if (is_product or args.measure_error) and any(len(shapes[0][key]) != 2 for key in layouts[0].merged):
        raise UserError("Products are of linear layers and embeddings; leave --lora_merge and --measure_error out.")
    Strength(0.0, args.layers).require(_layers(layouts[0], parents[0]))
    for parent, role, found in zip(parents[1:], ROLES[1:], layouts[1:], strict=True):
        # PEFT stores adapted embeddings beside their adapter, as they are in the base model.
        if dropped := [key for key in found.whole if ".base_layer." not in key]:
            logger.warning("%s and the like of the %s (%s) are left out", dropped[0], role, parent.name)


def _require_plain(config: dict[str, object], args: MergeArguments, is_product: bool) -> None:
    """Refuse what the arguments ask for and the kind of adapter cannot do."""
    asked = {
        "lora_merge product": is_product,
        "allow_rescale": args.allow_rescale,
        "measure_error": args.measure_error,
    }
    for flag in (flag for flag, given in asked.items() if given and config["peft_type"] != "LORA"):
        raise UserError(f"--{flag} is for LoRA, and these are {config['peft_type']} adapters; leave it out.")
    if config.get("use_dora") and (is_product or args.measure_error):
        raise UserError("DoRA's update is no product of factors; leave --lora_merge product and --measure_error out.")
    if config.get("lora_bias") and (is_product or args.allow_rescale or args.merge_into_base):
        raise UserError("Adapters with lora_bias are merged factor by factor only, and alike; leave the flags out.")


def _layers(found: Layout, parent: PeftFiles) -> set[int]:
    if parent.config["peft_type"] == "PREFIX_TUNING":
        return set(range(parent.config["num_layers"]))
    return {layer for module in found.modules if (layer := layer_of(module)) is not None}
