"""The tasks of xTune by name."""

from xlzoo.run_scripts.stages.xtune_kinds import Kind
from xlzoo.run_scripts.stages.xtune_pairs import Pairs
from xlzoo.run_scripts.stages.xtune_spans import Spans
from xlzoo.run_scripts.stages.xtune_tagging import Tagging
from xlzoo.run_scripts.tasks import TASKS
from xlzoo.run_scripts.tasks.span_questions import SPAN_TASKS
from xlzoo.run_scripts.tasks.text_pairs import PAIR_TASKS

KINDS: dict[str, Kind] = {
    **{name: Tagging(task) for name, task in TASKS.items()},
    **{name: Pairs(task) for name, task in PAIR_TASKS.items()},
    **{name: Spans(task) for name, task in SPAN_TASKS.items()},
}
