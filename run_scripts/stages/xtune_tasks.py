"""The tasks of xTune by name."""

from xlzoo.run_scripts.stages.xtune_kinds import Kind
from xlzoo.run_scripts.stages.xtune_pairs import Pairs
from xlzoo.run_scripts.stages.xtune_tagging import Tagging
from xlzoo.run_scripts.tasks import TASKS
from xlzoo.run_scripts.tasks.text_pairs import PAIR_TASKS

KINDS: dict[str, Kind] = {
    **{name: Tagging(task) for name, task in TASKS.items()},
    **{name: Pairs(task) for name, task in PAIR_TASKS.items()},
}
