PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
READY = $(VENV)/.ready
RUN = $(BIN)/python
PORT ?= 8000
ROWS ?= 1000000
PYTEST = $(RUN) -m pytest -n 2 --dist loadgroup

.DEFAULT_GOAL = help
.PHONY: help demo serve test coverage backfill-hashes chart bench bench-answers bench-attacks bench-pairs bench-review bench-scaling bench-search docs fuzz lint messages format test-matrix

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

$(READY): requirements.txt
	$(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV), once; this takes a minute or two..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements.txt
	@touch $@

demo: $(READY) ## a library of sample pictures: imported, hashed, and searched for duplicates
	$(RUN) manage.py migrate --verbosity 0
	$(RUN) -m samples.library demo
	$(RUN) manage.py import_images demo
	@# Three files of the demo are broken: exit status 1 is what the backfill should end with.
	$(RUN) manage.py backfill_hashes || test $$? -eq 1
	$(RUN) -m samples.show_table
	$(RUN) manage.py find_duplicates

serve: demo ## the demo in the admin, on this machine alone: http://127.0.0.1:8000/
	DEBUG=1 $(RUN) -m samples.demo_login
	@# The key is new at every start, so nothing signed by the demo is worth anything elsewhere.
	DEBUG=1 $(RUN) manage.py runserver --noreload 127.0.0.1:$(PORT)

FILES ?= 100000

fuzz: $(READY) ## hash FILES=100000 mutated files of all formats; only hashes and ValueErrors may come out
	$(RUN) -m fuzzing $(FILES)

lint: $(READY) ## ruff, import-linter and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo --no-cache
	$(BIN)/mypy
	$(RUN) manage.py makemigrations --check --dry-run

chart: $(READY) ## draw the chart of the README from the figures in docs/explanation/benchmarks.md
	$(RUN) -m benchmarks.chart

docs: $(READY) ## the documentation as web pages, in build/docs; a link that leads nowhere is an error
	$(BIN)/sphinx-build --builder html --fail-on-warning --keep-going --quiet docs build/docs
	@echo "Open build/docs/index.html"

messages: $(READY) ## the catalogs of translations, from the marked texts; needs GNU gettext
	@command -v msgfmt >/dev/null || { echo "Install GNU gettext first, for example with: apt-get install gettext"; exit 1; }
	cd hashing && $(abspath $(BIN))/django-admin makemessages --locale de --locale fr --locale ar --no-location --no-wrap --no-obsolete
	cd hashing && $(abspath $(BIN))/django-admin compilemessages

format: $(READY) ## let ruff rewrite what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# BLAS would start as many threads in each process as there are cores, which wait for one another in a loop.
test coverage: export OPENBLAS_NUM_THREADS = 1
# Most tests start processes, and each would compile the app again.
test coverage: export PYTHONDONTWRITEBYTECODE =
test: $(READY) ## all tests, on SQLite and on PostgreSQL
	@echo "Running the tests on SQLite, and beside them on PostgreSQL..."
	@$(RUN) -m servers.postgresql $(PYTEST) --only-database >$(VENV)/postgresql.log 2>&1 & beside=$$!; \
	  $(PYTEST); first=$$?; wait $$beside; second=$$?; \
	  echo; echo "On PostgreSQL:"; cat $(VENV)/postgresql.log; test $$first -eq 0 -a $$second -eq 0

coverage: $(READY) ## the share of the code that the tests on SQLite run, at least 97%; tests of pure Python take twice as long
	$(BIN)/coverage erase
	$(PYTEST) --cov --cov-report=
	$(BIN)/coverage report --fail-under=97

# pyenv offers python3.12 only where its version is chosen.
test-matrix: export PYENV_VERSION ?= $(shell pyenv versions --bare 2>/dev/null | sort -rV | paste -sd: -)
test-matrix: $(READY) ## the tests that depend on versions, on each Python and Django, with the oldest and newest packages
	$(BIN)/nox

backfill-hashes: $(READY) ## hash all images that have no hash; LIMIT= and BATCH_SIZE= as wanted
	$(RUN) manage.py migrate --verbosity 0
	$(RUN) manage.py backfill_hashes $(if $(LIMIT),--limit $(LIMIT)) $(if $(BATCH_SIZE),--batch-size $(BATCH_SIZE))

bench: $(READY) ## hashing a file, and the backfill on SQLite and on PostgreSQL
	$(RUN) -m benchmarks.hashing
	DATABASE_URL= $(RUN) -m benchmarks.throughput
	$(RUN) -m servers.postgresql $(RUN) -m benchmarks.throughput

bench-answers: $(READY) ## copies found again and false pairs, beside other hashes
	$(RUN) -m benchmarks.answers
	$(RUN) -m benchmarks.stronger_edits

bench-search: $(READY) ## the search among ROWS=1000000 rows, on SQLite and on PostgreSQL
	DATABASE_URL= $(RUN) -m benchmarks.search --rows $(ROWS)
	$(RUN) -m servers.postgresql $(RUN) -m benchmarks.search --rows $(ROWS)
	$(RUN) -m servers.postgresql $(RUN) -m benchmarks.similar_rows --rows $(ROWS)

bench-review: $(READY) ## the review of 30,000 groups among ROWS=1000000 images and 500,000 marks, on SQLite and on PostgreSQL
	DATABASE_URL= $(RUN) -m benchmarks.review --rows $(ROWS)
	$(RUN) -m servers.postgresql $(RUN) -m benchmarks.review --rows $(ROWS)
	DATABASE_URL= $(RUN) -m benchmarks.marked_duplicates
	$(RUN) -m servers.postgresql $(RUN) -m benchmarks.marked_duplicates

bench-pairs: $(READY) ## all pairs of a million hashes, and find_duplicates among ROWS=1000000 rows on PostgreSQL
	$(RUN) -m benchmarks.pairs
	$(RUN) -m servers.postgresql $(RUN) -m benchmarks.duplicates --rows $(ROWS)

bench-attacks: $(READY) ## the worst files of 10 MB in every page that decodes them, on PostgreSQL
	$(RUN) -m servers.postgresql $(RUN) -m benchmarks.attacks

bench-scaling: $(READY) ## cutting ROWS=1000000 rows into shards and watching them, on PostgreSQL
	$(RUN) -m servers.postgresql $(RUN) -m benchmarks.scaling --rows $(ROWS)
