"""Arguments that say where a dataset is built, by whom, and where it is published."""

import json
import logging
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xlzoo.run_scripts.arguments import Reprinted
from xlzoo.run_scripts.corpora.parallel.task_executors import CLUSTERS, EXECUTORS
from xlzoo.run_scripts.data_arguments import require_at_least
from xlzoo.run_scripts.destination import Destination, chosen
from xlzoo.run_scripts.errors import UserError

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
CONFIG = re.compile(r"[\w][\w.-]*")


@dataclass
class BuildArguments(Reprinted):
    """Where the dataset is built, and by how many."""

    hf_out: str = field(default="", metadata={"help": "Folder for the dataset.", "aliases": ["--output_dir"]})
    work_dir: str = field(
        default="", metadata={"help": "Folder for what is done so far; the same command goes on from there."}
    )
    config_name: str = field(default="", metadata={"help": "The dataset's configuration, eng-swh-100k say."})
    overwrite_output_dir: bool = field(default=False, metadata={"help": "Replace another dataset in --hf_out."})
    cleanup_work_dir_on_success: bool = field(default=False, metadata={"help": "Delete --work_dir when all is done."})
    num_tasks: int = field(default=1, metadata={"help": "Processes, or tasks of each of a cluster's jobs."})
    shard_size: int = field(default=20_000, metadata={"help": "Pairs at a time, all that a killed task loses."})
    executor: str = field(
        default="local", metadata={"help": "Who runs the tasks: this machine, or a cluster.", "choices": [*EXECUTORS]}
    )
    cluster_options: str = field(
        default="{}",
        metadata={"help": """Arguments of datatrove's executor: '{"partition": "cpu", "time": "2:00:00"}'."""},
    )
    log_level: str = field(default="INFO", metadata={"help": "How much is printed.", "choices": [*LEVELS]})
    log_file: str | None = field(default=None, metadata={"help": "Write it to this file too."})
    push_to_hub: bool = field(default=False, metadata={"help": "Publish the dataset.", "aliases": ["--upload_data"]})
    hub_model_id: str | None = field(
        default=None,
        metadata={"help": "Its repository, by default the name of --hf_out.", "aliases": ["--hub_dataset_id"]},
    )
    hub_dir: str | None = field(default=None, metadata={"help": "Publish to this local folder instead of the Hub."})
    hub_private_repo: bool = field(default=False, metadata={"help": "Make a new repository private."})
    hub_revision: str | None = field(
        default=None, metadata={"help": "A branch, refs/pr/N for an open pull request, or pr for a new one."}
    )
    hub_token: str | None = field(default=None, metadata={"help": "By default that of HF_TOKEN or the login."})
    dry_run: bool = field(default=False, metadata={"help": "Do all of publishing but the upload, and print it."})
    license: str = field(
        default="", metadata={"help": "The dataset's licence, for the card; its corpora name theirs."}
    )
    recipe: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if not (self.hf_out and self.work_dir):
            raise UserError("Name the folder for the dataset with --hf_out, and one to work in with --work_dir.")
        require_at_least(1, self, "num_tasks", "shard_size")
        if self.config_name and not CONFIG.fullmatch(self.config_name):
            raise UserError(f"--config_name is {self.config_name!r}; expected letters, digits, '-', '_' and '.'.")
        self.out, self.work = (Path(name).expanduser().absolute() for name in (self.hf_out, self.work_dir))
        if self.out.resolve() == self.work.resolve() or self.work.resolve() in self.out.resolve().parents:
            raise UserError("--hf_out lies in --work_dir; give two folders side by side.")
        self.options = self._options()
        destination = Destination(
            repo_id=self.hub_model_id or self.out.name,
            hub_dir=Path(self.hub_dir) if self.hub_dir else None,
            private=self.hub_private_repo,
            revision=self.hub_revision,
            token=self.hub_token,
            dry_run=self.dry_run,
        )
        self.destination = chosen(destination, push_to_hub=self.push_to_hub, named=self.hub_model_id)

    def _options(self) -> dict[str, Any]:
        try:
            found = json.loads(self.cluster_options)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise UserError(f"--cluster_options is {self.cluster_options!r}; expected a JSON object.")
        if found and self.executor not in CLUSTERS:
            raise UserError("--cluster_options go with --executor slurm or ray.")
        return found

    def start_logging(self) -> None:
        """Tell as much as is asked for, also to the file."""
        root = logging.getLogger()
        root.setLevel(self.log_level)
        if self.log_file:
            path = Path(self.log_file).expanduser()
            path.parent.mkdir(parents=True, exist_ok=True)
            handler = logging.FileHandler(path, encoding="utf-8")
            handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
            root.addHandler(handler)
