# `make lab` and `make test` are all a newcomer needs; every target installs what it needs first.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9
UV := $(BIN)/uv pip --quiet --no-config
LAB := labs/quickstart/quickstart.clab.yml

# `make labs` without LABS: all of them. The one of 206 nodes is generated, and wants some 8 GiB of memory; SMALL=1 is without.
BIG_LAB := labs/two-hundred-nodes/two-hundred-nodes.clab.yml
LABS ?= $(filter-out $(BIG_LAB),$(wildcard labs/*/*.clab.yml)) $(if $(SMALL),,$(BIG_LAB))

# OpenBGPD is apart: its package has a command bgpctl of its own (requirements/openbgpd).
DAEMON_PACKAGES := bird2 frr gobgpd
OPENBGPD := $(VENV)/openbgpd
# Links to etcd, kube-apiserver and kubectl, which lie in the user's cache (requirements/kubernetes).
KUBERNETES := $(VENV)/kubernetes
# Likewise helm and a kubelet (requirements/helm, requirements/kubelet), and a Debian for the image (requirements/container-base).
HELM := $(VENV)/helm
KUBELET := $(VENV)/kubelet
CONTAINER_BASE := $(VENV)/container-base.tar
LAB_PACKAGES := iproute2 iputils-ping
TEST_PACKAGES := $(LAB_PACKAGES) $(DAEMON_PACKAGES) openssl prometheus faketime
IMAGE_PACKAGES := docker.io debootstrap
BENCH_PACKAGES := $(LAB_PACKAGES) $(DAEMON_PACKAGES) gcc libc6-dev

.PHONY: help lab lab-down labs test-fast test test-k8s kube fuzz check format bench crds manifests wheels image lock clean
help: ## show this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

lab: $(VENV)/.runtime ## build the quickstart cluster in network namespaces and show it working
	@requirements/system-packages required $(LAB_PACKAGES)
	@$(BIN)/bgpctl lab up $(LAB)
	@$(BIN)/bgpctl lab test --no-events $(LAB)
	@$(BIN)/bgpctl lab show $(LAB)
	@echo "The lab stays up. $(dir $(LAB))README.md says what to try; make lab-down removes it."

lab-down: $(VENV)/.runtime ## remove every trace of the quickstart cluster
	@$(BIN)/bgpctl lab down $(LAB)

labs: $(VENV)/.runtime $(filter $(BIG_LAB),$(LABS)) ## run every lab with its failures, one after the other (LABS="FILE..." some, SMALL=1 without the largest)
	@requirements/system-packages required $(LAB_PACKAGES) $(DAEMON_PACKAGES) faketime
	@requirements/openbgpd required $(OPENBGPD)
	@$(BIN)/bgpctl lab run $(LABS) $(if $(JUNIT),--junit $(JUNIT))

$(BIG_LAB): labs/two-hundred-nodes/generate.py | $(VENV)/.runtime
	@$(BIN)/python $<

test-fast: $(VENV)/.dev ## the tests that need neither root nor daemons nor minutes: the loop while you write
	@$(BIN)/pytest -n 2 -q -m "not netns and not slow" $(PYTEST_ARGS)

test: check ## check, then the whole test suite (as root also against the kernel and real neighbours)
	@requirements/system-packages wanted $(TEST_PACKAGES)
	@requirements/system-packages wanted $(IMAGE_PACKAGES)
	@requirements/openbgpd wanted $(OPENBGPD)
	@requirements/kubernetes/build wanted $(KUBERNETES)
	@requirements/helm/build wanted $(HELM)
	@requirements/kubelet/build wanted $(KUBELET)
	@requirements/container-base wanted $(CONTAINER_BASE)
	@$(BIN)/pytest $(PYTEST_ARGS)

test-k8s: $(VENV)/.dev ## the tests that need a Kubernetes API server, alone (as root)
	@requirements/system-packages required $(LAB_PACKAGES) openssl
	@requirements/system-packages wanted $(IMAGE_PACKAGES)
	@requirements/kubernetes/build required $(KUBERNETES)
	@requirements/helm/build wanted $(HELM)
	@requirements/kubelet/build wanted $(KUBELET)
	@requirements/container-base wanted $(CONTAINER_BASE)
	@$(BIN)/pytest tests/kubernetes tests/deployment $(PYTEST_ARGS)

kube: ## build kube-apiserver, kubectl, etcd, kubelet and helm for tests, with Go: 25 minutes, once for all clones
	@requirements/kubernetes/build required $(KUBERNETES)
	@requirements/helm/build required $(HELM)
	@requirements/kubelet/build required $(KUBELET)

FUZZ_MUTANTS ?= 100000
PROOF_EXAMPLES ?= 4000
fuzz: $(VENV)/.dev ## mutated resources for the commands and an agent (as root), random clusters for the proof: hours (FUZZ_SEED= another sequence)
	@FUZZ_MUTANTS=$(FUZZ_MUTANTS) PROOF_EXAMPLES=$(PROOF_EXAMPLES) $(BIN)/pytest -n 2 -q --hypothesis-profile=default --timeout=0 \
		tests/fuzz tests/agent/test_agent_fuzz.py tests/guardrails/test_proof_against_engines.py $(PYTEST_ARGS)

check: $(VENV)/.dev ## format, lint, types and the import contracts
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

format: $(VENV)/.dev ## put the code in order
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format --quiet .

BENCH_ARGS ?= --quick
bench: $(VENV)/.runtime ## measure what labs/bench has (as root); minutes, or with BENCH_ARGS= two hours
	@requirements/system-packages wanted $(BENCH_PACKAGES)
	@requirements/openbgpd wanted $(OPENBGPD)
	@for bench in labs/bench/*.py; do echo "== $$bench"; $(BIN)/python $$bench || exit 1; done
	@echo "== labs/bench/reflection $(BENCH_ARGS)"
	@$(BIN)/python -m labs.bench.reflection $(BENCH_ARGS)
	@echo "== labs/bench/kubernetes_scale $(BENCH_ARGS)"
	@if test -e $(KUBERNETES); then $(BIN)/python -m labs.bench.kubernetes_scale $(BENCH_ARGS); \
		else echo "left out: etcd and kube-apiserver are not in $(KUBERNETES) (make kube builds them)"; fi

crds: $(VENV)/.dev ## write config/crd again, from the types of resources and of NodePlans
	@$(BIN)/python -m bgpctl.kubernetes_schema

manifests: $(VENV)/.dev ## write again what of config/ is made of something else: policies, samples, alerts, dashboard, the Helm chart
	@$(BIN)/python config/generate

wheels: $(VENV)/.dev ## build what a release has into dist/: bgpctl, and bgpctl-lab for the extra `lab`
	@$(BIN)/hatchling build -t sdist -t wheel
	@cd config/lab && $(CURDIR)/$(BIN)/hatchling build -t wheel -d $(CURDIR)/dist

image: $(VENV)/.dev ## build the image for clusters and containerlab, with Docker or Podman (IMAGE=NAME:TAG, BUILD_ARGS="...")
	@builder=$$(command -v docker || command -v podman) || { echo "neither docker nor podman is here" >&2; exit 2; }; \
		version=$$($(BIN)/hatchling version 2>/dev/null) && DOCKER_BUILDKIT=1 $$builder build -t "$(or $(IMAGE),bgpctl:$$version)" \
		--build-arg VERSION="$$version" $(BUILD_ARGS) -f config/container/Containerfile .

lock: $(VENV)/.dev ## resolve the dependencies again into requirements/*.lock
	@$(UV) compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header -o requirements/runtime.lock > /dev/null
	@$(UV) compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-header -o requirements/dev.lock > /dev/null

clean: ## remove the environment and all caches
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find bgpctl reflector labs tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/uv:
	@requirements/virtual-environment $(PYTHON) $(VENV) $(UV_VERSION)

# With bytecode, also where the environment asks for none to be written: labs and tests start hundreds of processes.
$(VENV)/.runtime: requirements/runtime.lock pyproject.toml | $(BIN)/uv
	@$(UV) install --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/runtime.lock
	@$(UV) install --python $(BIN)/python --no-deps --build-constraint requirements/dev.lock -e .
	@$(BIN)/python -m compileall -q bgpctl reflector
	@touch $@

$(VENV)/.dev: requirements/dev.lock $(VENV)/.runtime
	@$(UV) install --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/dev.lock
	@touch $@
