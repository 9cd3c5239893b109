"""Three adapters that are to be merged, one of them a stranger's: what may be wrong with it.

The folder is that one; the two that it is merged with lie in `others/` inside it.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch
from cases import Case, Kind, flipped, harmless, linked, missing, no_plain_file, truncated
from json_cases import HUGE, edit_json, no_object, twice, with_values
from peft_cases import CONFIG, EMBEDDINGS, KEY, MODULES, QUERY, SIZES, SLOW, VARIANTS, WEIGHTS, write_ia3, write_lora
from peft_cases import load as load_adapter
from safetensors.torch import load_file, save_file
from tensor_cases import beside, edit_tensors, hostile_pickles, lying_headers, wrong_tensors

from xlzoo.modeling.adapter_config import AdapterError
from xlzoo.run_scripts import run_merge
from xlzoo.run_scripts.errors import UserError

ROLES = ("task_adapter", "target_reference", "source_reference")
REFUSALS = (UserError, AdapterError)


def write(
    folder: Path, stranger: str, write_one: Callable[[Path, int], object], merge: Callable[..., torch.Tensor]
) -> torch.Tensor:
    """Write three adapters; return the logits with their merge, had by hand from their tensors."""
    places = {role: folder if role == stranger else folder / "others" / role for role in ROLES}
    for seed, place in enumerate(places.values()):
        write_one(place, seed)
    task, target, source = (load_file(place / WEIGHTS) for place in places.values())
    adapted = {key: merge(value, target[key], source[key]) for key, value in task.items() if "classifier" not in key}
    by_hand = folder.parent / "by hand"
    write_one(by_hand, 0)
    save_file({**task, **adapted}, by_hand / WEIGHTS, {"format": "pt"})
    return load_adapter(by_hand)


def load(folder: Path, stranger: str) -> torch.Tensor:
    """Merge as `run_merge.py` does, which writes nothing if it refuses; return the logits with the result."""
    places = {role: folder if role == stranger else folder / "others" / role for role in ROLES}
    flags = [text for role, place in places.items() for text in (f"--{role}", str(place))]
    merged = folder.parent / "merged"
    try:
        run_merge.main([*flags, "--output_dir", str(merged)])
    except REFUSALS:
        assert not list(folder.parent.glob("*merged*")), "a merge that was refused left files"
        raise
    return load_adapter(merged)


def damaged_files() -> Iterator[Case]:
    for file in (CONFIG, WEIGHTS):
        yield from truncated(file)
        yield from no_plain_file(file)
        yield missing(file)
        yield linked(file)
    yield from flipped(CONFIG, 8)
    yield from flipped(WEIGHTS, 8, slice(1500))
    yield from no_object(CONFIG)
    yield from wrong_tensors(WEIGHTS, QUERY)
    yield from lying_headers(WEIGHTS, QUERY)
    yield from hostile_pickles(WEIGHTS, "adapter_model.bin")
    yield from beside("adapter_model.bin", "training_args.bin")
    yield twice(CONFIG, "r", HUGE)
    elsewhere = QUERY.replace("layer.1", "layer.7")
    moved = edit_tensors(WEIGHTS, lambda tensors: tensors.update({elsewhere: tensors.pop(QUERY)}))
    yield Case("a tensor of a layer that the others lack", moved)


def reference_cases() -> Iterator[Case]:
    yield from damaged_files()
    own = {"modules_to_save", "task_type"}
    yield from with_values(CONFIG, {key: some for key, some in (SIZES | MODULES | VARIANTS).items() if key not in own})
    # A reference's head is left out, whatever it is.
    yield from harmless(with_values(CONFIG, {"modules_to_save": MODULES["modules_to_save"]}))
    yield from harmless(with_values(CONFIG, {"task_type": VARIANTS["task_type"]}))
    bases = ["../../secret", "/etc/passwd", "me/other", 3, ["me/base"], "x" * 300]
    yield from with_values(CONFIG, {"base_model_name_or_path": bases})
    more = edit_tensors(WEIGHTS, lambda tensors: tensors.update({EMBEDDINGS: torch.ones(2, 2)}))
    yield Case("a tensor of the base", more, may_load=True)


def task_cases() -> Iterator[Case]:
    yield from truncated(WEIGHTS)
    yield from flipped(CONFIG, 6)
    yield from wrong_tensors(WEIGHTS, KEY)
    values = {
        "target_modules": [["key"], ["output.dense"], [SLOW], []],
        "feedforward_modules": [["key"], ["nowhere"], SLOW, [3]],
        "peft_type": ["LORA", "XLORA", None],
    }
    yield from with_values(CONFIG, values)
    yield Case("a tensor of the base", edit_tensors(WEIGHTS, lambda t: t.update({EMBEDDINGS: torch.ones(2, 2)})))
    code = {"auto_mapping": {"base_model_class": "Popen", "parent_library": "this"}}
    yield Case("classes to import", edit_json(CONFIG, lambda full: full.update(code)), may_load=True)


def _kind(
    name: str,
    stranger: str,
    write_one: Callable[..., object],
    merge: Callable[..., torch.Tensor],
    cases: Callable[[], Iterator[Case]],
) -> Kind:
    made = partial(write, stranger=stranger, write_one=write_one, merge=merge)
    return Kind(name, made, partial(load, stranger=stranger), cases, REFUSALS)


KINDS = [
    _kind(
        "LoRA reference to merge",
        "target_reference",
        write_lora,
        lambda task, target, source: task + (target - source),
        reference_cases,
    ),
    _kind(
        "IA3 task adapter to merge",
        "task_adapter",
        write_ia3,
        lambda task, target, source: task + (target - source) * (task / source),
        task_cases,
    ),
]
