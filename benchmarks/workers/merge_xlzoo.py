"""The merge of run_merge.py as a whole, with all its checks, its card and its record."""

from merge_server import ROLES, options, serve

from xlzoo.run_scripts.run_merge import main

chosen = options()
FLAGS = ("--task_adapter", "--target_reference", "--source_reference")
PARENTS = [text for flag, role in zip(FLAGS, ROLES, strict=True) for text in (flag, str(chosen.folder / role))]
WAYS = {
    "factors": [],
    "product": ["--lora_merge", "product", "--rank", "8"],
    "into_base": ["--merge_into_base", "--base_model", str(chosen.folder / "base")],
}


def merge() -> None:
    """Merge with t = 1."""
    main([*PARENTS, *WAYS[chosen.way], "--output_dir", str(chosen.output), "--overwrite_output_dir"])


serve(merge)
