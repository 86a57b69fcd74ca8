# Everything runs in .venv; each target sets up what it needs.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
SUDO = $(if $(filter-out 0,$(shell id -u)),sudo)
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: help run up models test test-fast test-long prove interleavings mutations fuzz hostile soak \
  backfill fanout cluster estimated \
  bench bench-budget bench-gallery bench-peers check chromium train evaluate digits clean

help:  ## say what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# One stamp for each set of packages, newer than the files that name them.
$(addprefix $(VENV)/.,tools test train onnx prove fc ray parquet browser): $(VENV)/.%: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) -e '.[$*]'
	@touch $@
$(VENV)/.check: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) -e '.[test,check]'
	@touch $@

run: $(VENV)/.tools  ## upload digits (or IMAGES=folder) to a local cloud and watch the results
	$(BIN)/fanlight demo $(IMAGES)

up: $(VENV)/.tools  ## run the local cloud until Ctrl-C
	$(BIN)/fanlight up

models: $(VENV)/.tools $(VENV)/.train $(VENV)/.onnx  ## get the published models: products, moderation, embeddings
	$(BIN)/fanlight model get products
	$(BIN)/fanlight model get moderation
	$(BIN)/fanlight model get embeddings

test: $(VENV)/.test $(VENV)/.train $(VENV)/.ray $(VENV)/.browser chromium  ## run all tests
	$(BIN)/python -m pytest

test-fast: $(VENV)/.test  ## run the tests that need no TensorFlow, no Ray and no browser
	$(BIN)/python -m pytest -m 'not tensorflow and not ray and not browser'

chromium:  # Debian's, which the tests of the pages drive; without apt those tests are skipped
	@command -v chromium >/dev/null || ! command -v apt-get >/dev/null \
	  || $(SUDO) sh -c 'apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium' \
  || echo 'chromium could not be installed: the tests of the pages are skipped'

test-long: $(VENV)/.test $(VENV)/.train  ## the slowest tests; trains on 1,000 photographs of clothes, if at hand
	FANLIGHT_LONG=1 $(BIN)/python -m pytest tests/training tests/bench -k 'clothes or every_design or precisions'

prove: interleavings mutations hostile soak fuzz  ## all five long proofs, about half an hour

interleavings: $(VENV)/.test  ## play the promise in 10,500 orders of events, crashes and late writes
	$(BIN)/python -m tools.prove.interleavings

mutations: $(VENV)/.test  ## break the code on purpose and see a test fail for each promise
	$(BIN)/python -m tools.prove.mutations

fuzz: $(VENV)/.prove  ## look for inputs that break a promise, three minutes each for four targets
	$(BIN)/python -m tools.prove.fuzz

hostile: $(VENV)/.tools  ## classify Pillow's broken and hostile test files
	$(BIN)/python -m tools.prove.hostile

soak: $(VENV)/.tools  ## 20,000 uploads into a local cloud that fails in every way it can
	$(BIN)/python -m tools.prove.soak

backfill: $(VENV)/.test  ## 100,000 objects: what status asks, and a run stopped three times, some 10 minutes
	$(BIN)/python -m tools.prove.backfill

fanout: $(VENV)/.test  ## 2,000 images through the deployed function of a local cloud
	$(BIN)/python -m tools.prove.fanout

cluster: $(VENV)/.test $(VENV)/.ray  ## 2,000 images on two Ray nodes, one killed half-way
	$(BIN)/python -m tools.prove.cluster

estimated: $(VENV)/.tools  ## hold an estimate against a real run of the local cloud
	$(BIN)/python -m tools.prove.estimated

bench: $(VENV)/.test $(VENV)/.train $(VENV)/.onnx  ## measure cold start, warm path, throughput, scale and results, some 20 minutes
	$(BIN)/fanlight bench cold --json build/bench/cold.json
	$(BIN)/fanlight bench warm --json build/bench/warm.json
	$(BIN)/fanlight bench stages --json build/bench/stages.json
	$(BIN)/fanlight bench throughput --json build/bench/throughput.json
	$(BIN)/fanlight bench scale --json build/bench/scale.json
	$(BIN)/fanlight bench results --json build/bench/results.json

bench-gallery: $(VENV)/.tools $(VENV)/.browser chromium  ## make a page of 10,000 photographs, and look at it in Chromium
	$(BIN)/fanlight bench gallery --json build/bench/gallery.json

bench-budget: $(VENV)/.test $(VENV)/.train  ## fail when a part of a cold start takes longer than it may
	$(BIN)/fanlight bench cold --check

bench-peers: $(VENV)/.tools  ## the same images through Powertools and Ray Data, which it installs in build/peers
	$(BIN)/fanlight bench peers --json build/bench/peers.json

check: $(VENV)/.check  ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

train: $(VENV)/.tools $(VENV)/.train  ## train the digits model and measure it
	$(BIN)/fanlight model train digits

evaluate: $(VENV)/.tools  ## measure the digits model that ships
	$(BIN)/fanlight model train digits --evaluate

digits: $(VENV)/.tools  ## write the 10,000 MNIST test digits as PNG files to build/digits
	$(BIN)/python -m tools.digits.export build/digits

clean:  ## remove what was built, the environment too
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis
