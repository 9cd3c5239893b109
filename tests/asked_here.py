"""Probes that are asked in the test's own process: a fresh one takes seconds, and other tests start those."""

import importlib
import sys

from transformers import dynamic_module_utils

from xlzoo.hub_cards import PublishError, probes

FETCHED = dynamic_module_utils.TRANSFORMERS_DYNAMIC_MODULE_NAME


def ask_here(monkeypatch, folder):
    """Let the programs of the fresh process run in this one, for the sake of time; fetched code goes to `folder`."""

    def run(program, file, *, what, **_):
        monkeypatch.setattr(sys, "argv", [str(file)])
        try:
            importlib.import_module(f"xlzoo.hub_cards.fresh.{program}").main()
        except Exception as error:
            raise PublishError(f"{what} fails: {' '.join(f'{type(error).__name__}: {error}'.split())}") from error

    # What other tests have fetched lies elsewhere, and its package would be searched in the wrong folder.
    for name in [name for name in sys.modules if name.partition(".")[0] == FETCHED]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(probes, "run_fresh", run)
    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(folder))
    monkeypatch.syspath_prepend(str(folder))
