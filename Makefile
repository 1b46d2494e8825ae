# make repro | make test | make quick | make lint | make diff | make history | make ask | make verdict | make page | make estimate | make ledger
# make coverage | make rejected | make redactions | make docs | make picture | make search | make scaling | make ablations | make mixture | make leak | make seeds | make bench | make clean
PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export PYTHONPATH := $(CURDIR)
export Q
export RAGAS_DO_NOT_TRACK = true
export HF_HUB_DISABLE_TELEMETRY = 1
export TOKENIZERS_PARALLELISM = false
# training is a tenth faster where Linux gives pages of 2 MB on request
export GLIBC_TUNABLES = glibc.malloc.hugetlb=1

.PHONY: repro test quick lint ask diff history verdict page estimate ledger coverage rejected redactions docs picture search scaling ablations mixture leak seeds bench clean

repro: .venv/done ## documents in, verdict out; PROFILE=real runs params/real.yaml beside it
ifdef PROFILE
	@python -m experiments.profile $(PROFILE)
else
	@python -m commands.check
	@python -m commands.together
	@dvc repro
	@python -m commands.gate
	@python -m commands.verdict
endif

test: .venv/done lint ## lint, then the tests
	@pytest -n 2 --dist worksteal

quick: .venv/done ## the tests that take no seconds each: in a minute
	@pytest -n 2 --dist worksteal -m "not slow"

lint: .venv/done
	@ruff check . && ruff format --check . && deptry .

ask: .venv/done ## what each arm answers to Q="...", or to each line of the standard input
	@python -m commands.ask $(if $(Q),"$$Q")

diff: .venv/done ## what the working tree changes against REV: params, metrics and answers; MD=1 writes Markdown, MACHINE=1 adds seconds and costs
	@python -m commands.diff $(or $(REV),HEAD) $(if $(MD),--md) $(if $(MACHINE),--machine)

history: .venv/done ## the runs that are kept in git; MD=1 writes Markdown
	@python -m commands.history $(if $(MD),--md)

ledger: .venv/done ## what became of what was asked of the teacher, and what it cost
	@python -m commands.ledger

coverage: .venv/done ## which spans of which documents no row came from
	@python -m commands.coverage

rejected: .venv/done ## which files of ingest.path are no documents, why, and what to do
	@python -m commands.rejected

redactions: .venv/done ## which private values were masked, of which kind, how often, in which document
	@python -m commands.redactions

verdict: .venv/done ## the verdict of the latest run, again
	@python -m commands.verdict

page: .venv/done ## report/experiments.html: scaling, ablations, leakage, other companies
	@dvc repro --single-item experiments/dvc.yaml:page

estimate: .venv/done ## what synthesis will cost; PILOT=20 puts so many passages to the teacher first; PROFILE=NAME prices params/NAME.yaml
	@python -m commands.estimate $(or $(PILOT),0) $(PROFILE)

bench: .venv/done ## every benchmark: minutes, on a machine that does nothing else
	@for each in benchmarks/*.py; do python -m benchmarks.$$(basename $$each .py) || exit 1; done

scaling: .venv/done ## accuracy against synthetic tokens, on other made-up companies: an hour on two cores
	@dvc repro experiments/dvc.yaml:scaling

ablations: .venv/done ## what one change of the recipe is worth, there
	@dvc repro experiments/dvc.yaml:variants@ablations

mixture: .venv/done ## what each kind of training row is worth, there
	@dvc repro experiments/dvc.yaml:variants@mixture

search: .venv/done ## what the recipe of params.yaml was chosen among, on companies of its own
	@dvc repro experiments/dvc.yaml:variants@search

leak: .venv/done ## what the arms give away of secrets planted in the documents, with the synthesis gate and without
	@dvc repro experiments/dvc.yaml:leak

seeds: .venv/done ## the whole pipeline on ten companies that no recipe was chosen on
	@python -m experiments.seeds

docs: .venv/done ## the generated blocks of README.md and docs/, from metrics/, params.yaml and the code
	@python -m commands.docs

picture: .venv/done ## docs/page.png, a picture of report/index.html; needs Chromium
	@python -m commands.picture

.venv/done: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "error: closedbook needs Python 3.11 or newer; say which with make PYTHON=...")'
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-compile -r requirements.txt
	@.venv/bin/python -m compileall -qq -j 0 .venv/lib || true # by all cores, as pip does not; some packages carry templates
	@touch .venv/done

clean: ## forget everything that can be made again, answers of the teacher included
	rm -rf .venv .cache .dvc/cache .dvc/tmp
