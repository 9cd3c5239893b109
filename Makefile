# Everything runs from a clean clone: `make demo`, `make test`, `make lint`. A second call installs nothing.
PYTHON ?= python3
PIP := .venv/bin/pip install --quiet --disable-pip-version-check
INSTALLED := .venv/.installed
PEERS := .venv-peers/.installed
# Two test files at a time, each on one thread: more threads than cores make small models many times slower.
PYTEST := OMP_NUM_THREADS=1 .venv/bin/pytest -n 2 --dist loadscope --no-loadscope-reorder

.PHONY: demo test test-peers lint format bench clean

demo: $(INSTALLED)
	.venv/bin/python run_scripts/run_madx.py recipes/madx_phrasebook.yaml

test: $(INSTALLED)
	$(PYTEST) -m "not peers"

test-peers: $(INSTALLED) $(PEERS)
	XLZOO_PEERS_PYTHON=.venv-peers/bin/python $(PYTEST) -m peers tests/peers

lint: $(INSTALLED)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	rm -rf build/typed && $(PIP) --no-deps --target build/typed .
	MYPYPATH=build/typed .venv/bin/mypy -p xlzoo.modeling -p xlzoo.run_scripts -p xlzoo.hub_cards

format: $(INSTALLED)
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

bench: $(INSTALLED) $(PEERS)
	.venv/bin/python benchmarks/bench_madx_step.py
	.venv/bin/python benchmarks/bench_backpack.py
	.venv/bin/python benchmarks/bench_word_align.py
	.venv/bin/python benchmarks/bench_merge.py
	.venv/bin/python benchmarks/bench_xtune.py

$(INSTALLED): pyproject.toml setup.py constraints.txt
	test -x .venv/bin/python || $(PYTHON) -m venv .venv
	$(PIP) torch -c constraints.txt
	$(PIP) -e '.[dev]' -c constraints.txt
	touch $@

$(PEERS): constraints-peers.txt
	test -x .venv-peers/bin/python || $(PYTHON) -m venv .venv-peers
	$(PIP:.venv/%=.venv-peers/%) -r constraints-peers.txt
	$(PIP:.venv/%=.venv-peers/%) --no-deps pyvene==0.1.8
	touch $@

clean:
	rm -rf .venv .venv-peers build runs
