"""How many tokens a model reads at once, and how many of these an adapter's prefix leaves."""

from peft import PeftModel
from transformers import PretrainedConfig, PreTrainedModel

from xlzoo.run_scripts.errors import UserError

SHORTEST = 2
"""Tokens of a text in which something is predicted."""


def positions_of(config: PretrainedConfig) -> int | None:
    """Return how long a text the model can read at all; `None` where it has no such limit."""
    fields = config.get_text_config().to_dict()
    return fields.get(config.attribute_map.get("max_position_embeddings", "max_position_embeddings"))


def prefix_length(model: PreTrainedModel | PeftModel) -> int:
    """Return how many tokens the prefix of a PEFT adapter stands for, 0 where there is none."""
    config = model.active_peft_config if isinstance(model, PeftModel) else None
    return config.num_virtual_tokens if config is not None and config.is_prompt_learning else 0


def positions_left(model: PreTrainedModel | PeftModel) -> int | None:
    """Return how long a text the model can read behind its prefix, if it has one; `None` where it has no limit.

    Raises UserError where the prefix leaves no room for a text.
    """
    most, prefix = positions_of(model.config), prefix_length(model)
    if most is not None and prefix and most - prefix < SHORTEST:
        raise UserError(
            f"The adapter's prefix takes {prefix} of the model's {most} positions, which leaves no room for a text; "
            "give an adapter with a shorter one."
        )
    return None if most is None else most - prefix
