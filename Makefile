# The course's commands: `make` alone lists them. Works with GNU make 3.81, the one macOS ships.
#
#   PYTHON  the Python that makes the environment     make course PYTHON=python3.13
#   ARGS    options for JupyterLab                    make course ARGS="--no-browser --port 8899"
#   STEPS   some of the test steps only               make test STEPS="unit"
#   ARGS    options for the benchmarks           make bench ARGS="--pairs 7"
#   NB      the notebooks to execute                  make notebooks NB=course/04-quorum.ipynb
#   LESSON  the lesson to begin                       make new LESSON=19-log-based-storage

PYTHON ?= python3
VENV   ?= .venv
ARGS   ?=
STEPS  ?=
NB     ?=
LESSON ?=

PY     := $(VENV)/bin/python
START  := course/00-start-here.ipynb
OLDEST := $(shell sed -n 's/^requires-python = ">=\(.*\)"/\1/p' pyproject.toml)

# Each stamp is written by the last step of an install, so an interrupted one is done again.
# It holds the folder it was made in, because an environment does not survive being moved or copied.
COURSE := $(VENV)/.installed-course
DEV    := $(VENV)/.installed-dev
BENCH  := $(VENV)/.installed-bench
STAMPS := $(wildcard $(COURSE) $(DEV))
MOVED  := $(if $(STAMPS),$(shell grep -qxF "$(CURDIR)" $(STAMPS) && "$(PY)" -c "" || echo moved))

# JupyterLab serves this machine only, and refuses root unless told.
LAB := --ServerApp.ip=127.0.0.1 --ServerApp.root_dir="$(CURDIR)" --LabApp.default_url=/lab/tree/$(START)
ifeq ($(shell id -u),0)
LAB += --allow-root
endif

# In a terminal of JupyterLab, and after ! in a cell, "python" then means the course's.
INSIDE = PATH="$$(cd "$(VENV)/bin" && pwd):$$PATH"

.DEFAULT_GOAL := help
.PHONY: help course test test-long lint labs matrix notebooks new bench clean moved

help:
	@echo "make course    first time: sets everything up in $(VENV); then opens the course in JupyterLab"
	@echo "make test      first time: sets everything up in $(VENV); then runs all tests"
	@echo "make test-long the same, and then the slow tests: ten thousand seeds, the largest searches"
	@echo "make lint      checks the style of the Python code, and each lesson against the anatomy"
	@echo "make labs      regenerates labs/ from solutions/"
	@echo "make matrix    which check refuses which wrong answer to which lab; stores it for the tests"
	@echo "make notebooks executes course/ and solutions/ and stores what they show"
	@echo "make new       begins a lesson: all its files from templates, as in LESSON=19-log-based-storage"
	@echo "make bench     measures the simulator and the judges beside their peers, into build/bench.json"
	@echo "make clean     removes $(VENV) and every cache"
	@echo
	@echo "Choose a Python:    make course PYTHON=python3.13"
	@echo "On a server:        make course ARGS=\"--no-browser --port 8899\""
	@echo "Some tests only:    make test STEPS=\"lint unit\"     (lint unit serial notebooks labs)"

course: $(COURSE)
	@"$(PY)" -m dsviz doctor
	@$(INSIDE) "$(PY)" -m jupyterlab $(LAB) $(ARGS)

test: $(DEV)
	@$(INSIDE) PY="$(PY)" bash tests/run.sh $(STEPS)

lint: $(DEV)
	@$(INSIDE) PY="$(PY)" bash tests/run.sh lint

matrix: $(DEV)
	@$(INSIDE) "$(PY)" tests/matrix.py $(ARGS)

labs: $(DEV)
	@$(INSIDE) "$(PY)" -m dsviz.grading.release

# With its own hash seed and IPython settings, as the tests run them.
notebooks: $(DEV)
	@$(INSIDE) PYTHONHASHSEED=0 IPYTHONDIR="$$(mktemp -d)" "$(PY)" -m dsviz.authoring $(NB)

new: $(DEV)
	@$(INSIDE) PYTHONHASHSEED=0 IPYTHONDIR="$$(mktemp -d)" "$(PY)" -m dsviz.authoring.new $(LESSON)

bench: $(BENCH)
	@$(INSIDE) "$(PY)" -m benchmarks $(ARGS)

clean:
	@rm -rf "$(VENV)" .pytest_cache .ruff_cache .hypothesis build dist *.egg-info
	@find . -name __pycache__ -prune -exec rm -rf {} +
	@find . -name .ipynb_checkpoints -prune -exec rm -rf {} +

# ---- the environment ------------------------------------------------------------------------

define make-venv
"$(PYTHON)" -c "" >/dev/null 2>&1 || { echo "There is no working '$(PYTHON)' here: install Python $(OLDEST) or newer, or name one you have, as in: make $(1) PYTHON=/path/to/python3" >&2; exit 1; }; \
"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < tuple(map(int, "$(OLDEST)".split("."))))' \
  || { echo "The course needs Python $(OLDEST) or newer and '$(PYTHON)' is $$("$(PYTHON)" -V 2>&1): name a newer one, as in: make $(1) PYTHON=python3.13" >&2; exit 1; }; \
if [ -n "$(MOVED)" ] || ! "$(PY)" -m pip --version >/dev/null 2>&1; then \
  "$(PYTHON)" -m venv --clear "$(VENV)" \
    || { echo "'$(PYTHON) -m venv' failed, see above: on Debian and Ubuntu it needs the package python3-venv" >&2; exit 1; }; \
fi; \
rm -f $(COURSE) $(DEV); \
echo "Installing into $(VENV) with $$("$(PY)" -V): one to three minutes, the first time only."
endef

PIP := "$(PY)" -m pip install --quiet --disable-pip-version-check

$(COURSE): pyproject.toml $(MOVED)
	@$(call make-venv,course)
	@$(PIP) -e ".[engines]" || { \
	  echo "The real engines could not be installed here (see above): trying without, their cells then show a recorded run." >&2; \
	  $(PIP) -e .; }
	@echo "$(CURDIR)" > $@

# Holds all that the course needs, so it stands for both.
$(DEV): pyproject.toml $(MOVED)
	@$(call make-venv,test)
	@$(PIP) -e ".[dev]"
	@echo "$(CURDIR)" | tee $(COURSE) > $@

# A peer that cannot be installed is a row of the table that says so.
$(BENCH): pyproject.toml $(COURSE)
	@$(PIP) -e ".[bench]" || echo "Some peers could not be installed (see above): their rows will be empty." >&2
	@echo "$(CURDIR)" > $@

moved:
