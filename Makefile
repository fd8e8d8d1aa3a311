# make run    everything from nothing: environment, C reference, supervisor case, verdict
# make test   the whole test suite, by two processes (WORKERS=4: by four)
# make cases  run every case of cases/, one table at the end (NB_C_BIN=PROGRAM: against the original C program)
# make check  lint, types, walls and tests, as before a commit (each is a command of its own)
# make test-compiled  build the machine code of the compiled path aside, and hold it against the plain path at length
# make wheels   build the wheel and the sdist into build/dist, and check both
# make pythons  the harness's wheel and tests under the other declared Pythons that are here
# make docs-html  the pages as HTML in build/docs-html, every link looked at (needs the extra: pip install -e '.[docs]')
# make docs   write the generated pages of docs/ anew
# make faults try every fault on small bundles and write docs/reliability.md (FAULTS="kills disk": these pieces alone)
# make bench-sweep  a sweep of CELLS=10000 cells on a local Dask cluster in which a worker and home are killed
# make bench  speed against a C program, and the tables of docs/performance.md (make bench-quick: a minute)
# make mutants  change one thing in the code, MUTANTS times: do the tests notice? (SEED=1; some seconds each)
# make mutants-modules  break each module as a whole: does a test notice?
# make fuzz   random command lines through both simulators (make fuzz-diagnosis N=200: with defects, through diagnose, trace, reduce, audit)
# make audit-wide  defects in random command lines: how many the diagnosis names (SEED=, COMMANDS=, EACH= kinds in each)

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
WORKERS ?= 2

.PHONY: docs-html run cases test test-compiled check lint types walls mutants mutants-modules docs faults fuzz fuzz-diagnosis audit-wide bench bench-quick bench-sweep reference wheels pythons clean help

run: $(READY)
	@$(BIN)/nb-compare run cases/supervisor.yaml

# Three options do something else in the original program; their cases against it emulate that (docs/emulations.md).
PLANS    := $(wildcard cases/phases*.yaml)
ORIGINAL := $(filter-out $(PLANS),$(wildcard cases/*-nanobragg.yaml))
ifdef NB_C_BIN
CASES := $(filter-out $(PLANS) $(ORIGINAL:-nanobragg.yaml=.yaml),$(wildcard cases/*.yaml))
else
CASES := $(filter-out $(PLANS) $(ORIGINAL),$(wildcard cases/*.yaml))
endif
cases: $(READY) reference
	@$(BIN)/nb-compare sweep $(CASES)

test: $(READY) reference
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

check: lint types walls test

lint: $(READY)
	$(BIN)/ruff check .

types: $(READY)
	$(BIN)/mypy

walls: $(READY)
	$(BIN)/lint-imports

MUTANTS ?= 60
SEED ?= 1
mutants: $(READY) reference
	$(BIN)/python -m tests.mutants --count $(MUTANTS) --seed $(SEED)

mutants-modules: $(READY) reference
	$(BIN)/python -m tests.mutants.modules --also tests/nbcompare --also tests/attacks --also tests/test_docs.py

docs: $(READY)
	$(BIN)/python docs/generate.py

docs-html: $(READY)
	@$(BIN)/python -c 'import sphinx, myst_parser' 2>/dev/null || $(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[docs]'
	$(BIN)/python -m sphinx -q -E -W --keep-going -b html docs build/docs-html
	@echo build/docs-html/index.html

faults: $(READY)
	$(BIN)/python -m tests.faults $(FAULTS)

fuzz: $(READY) reference
	$(BIN)/python tests/parity/fuzz.py --count 200 --seed 1 --against reference

N ?= 200
fuzz-diagnosis: $(READY) reference
	$(BIN)/python tests/parity/fuzz_diagnosis.py --count $(N) --seed 1 --budget 4
	$(BIN)/python tests/parity/fuzz_explain.py --count $(N) --seed 1

SEED     ?= 1
COMMANDS ?= 40
EACH     ?= 10
audit-wide: $(READY) reference
	$(BIN)/python tests/parity/audit_wide.py --commands $(COMMANDS) --each $(EACH) --seed $(SEED) --write docs/audit-wide.md

test-compiled: $(READY)
	XDG_CACHE_HOME=$(CURDIR)/build/compiled $(BIN)/python -W ignore -m nanobrag_torch -compile
	XDG_CACHE_HOME=$(CURDIR)/build/compiled $(BIN)/python -m pytest -q tests/simulator/compiled_here.py

bench: $(READY)
	$(BIN)/python -m tests.bench

CELLS ?= 10000
bench-sweep: $(READY) reference
	$(BIN)/python -m tests.bench.many_cells --cells $(CELLS) --json build/bench-sweep.json

bench-quick: $(READY)
	$(BIN)/python -m tests.bench --quick

wheels: $(READY)
	rm -rf build/dist
	$(BIN)/python -W error::UserWarning -m build --no-isolation --outdir build/dist .
	$(BIN)/python -m twine check --strict build/dist/*
	$(BIN)/python -m check_wheel_contents build/dist/*.whl

# The others of the declared versions: PYTHONS="python3.12 /opt/python3.13/bin/python" where they have other names.
# No torch there, and no browser: what needs the bundled simulator or Chromium is tested by `make test`.
# Those that pyenv keeps are found too.
PYENV_ROOT ?= $(HOME)/.pyenv
PYTHONS ?= $(foreach v,3.12 3.13,$(or $(firstword $(wildcard $(PYENV_ROOT)/versions/$(v).*/bin/python)),python$(v)))
pythons: wheels
	@for python in $(PYTHONS); do \
	  $$python -c '' 2>/dev/null || { echo "make: there is no $$python here; nothing was shown for it"; continue; }; \
	  rm -rf build/other && $$python -m venv build/other || exit 1; \
	  build/other/bin/python -m pip install -q --disable-pip-version-check build/dist/*.whl pytest-xdist hypothesis \
	    junitparser jsonschema fabio h5py hdf5plugin bagit build hatchling twine check-wheel-contents || exit 1; \
	  build/other/bin/python -m pytest -n $(WORKERS) -p no:cacheprovider -m "not simulator and not browser" $(TESTS_WITHOUT_TORCH) || exit 1; \
	done
TESTS_WITHOUT_TORCH := tests/nbcompare/case tests/nbcompare/compare tests/nbcompare/formats tests/nbcompare/bundle \
  tests/nbcompare/plan tests/nbcompare/commands tests/nbcompare/run/test_api.py tests/nbcompare/run/test_api_given.py \
  tests/nbcompare/run/test_kept_reference.py \
  tests/test_wheel.py tests/test_wheel_used.py

reference:
	@$(MAKE) -s -C simulator/reference

help:
	@sed -n 's/^# //p' Makefile

clean:
	rm -rf $(VENV) build *.egg-info
	$(MAKE) -s -C simulator/reference clean

# The environment is made once, and again when what it is made from changes.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "make: Python 3.11 or newer is needed; this is $$($(PYTHON) --version). Try: make run PYTHON=python3.11"; exit 1; }
	@echo "Making the Python environment in $(VENV) (a few minutes, most of it torch) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@
