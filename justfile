# The one door: `just` runs what CI runs. Everything it needs comes into .venv, Node included.

export PATH := justfile_directory() / ".venv/bin" + ":" + env("PATH")

# An argument may have spaces.
set positional-arguments

python := justfile_directory() / ".venv/bin/python"

# Build, check and test everything
all: build lint test test-wheel docs

# Install the package with its development tools into .venv, and the TypeScript tools into node_modules
build:
    test -x {{ python }} || python3 -m venv .venv
    {{ python }} -m pip install --quiet --editable '.[dev,docs]'
    npm ci --no-audit --no-fund
    command -v chromium >/dev/null || command -v google-chrome >/dev/null || {{ just_executable() }} browser

# The browser in which the page is tested, on Debian and its relatives
browser:
    if [ "$(id -u)" = 0 ]; then root=; else root=sudo; fi; \
    $root apt-get update --quiet=2 && $root apt-get install --quiet=2 --yes --no-install-recommends chromium fonts-dejavu-core >/dev/null

# Formats, lints and types of the three languages, and generated files
lint:
    cargo fmt --check
    cargo clippy --release --workspace --all-targets -- --deny warnings
    ruff format --check
    ruff check
    mypy
    mypy tests/package/typing/api.py
    python -m mypy.stubtest mastra_convex._native --allowlist tests/package/typing/stubtest.txt
    python tools/unasync.py --check
    python tools/differences.py --check
    python tools/limits.py --check
    python tools/calls.py --check
    python tools/conflicts.py --check
    python tools/demo_data.py --check
    python tools/third_party.py --check
    cargo deny --locked check licenses bans sources
    zizmor --offline --quiet .github/workflows
    npm run --silent lint
    npm run --silent typecheck

# All tests, or those that the arguments choose
test: test-rust test-typescript test-python

# Each fuzz target takes ten seconds
test-rust:
    FUZZ_SECONDS=10 cargo test --release --workspace

test-typescript:
    npm test

# A file's tests share servers, so they stay together. Tests wait for a third of their time, hence one process more
test-python *arguments:
    pytest --numprocesses "$(({{ num_cpus() }} + 1))" --dist loadfile "$@"

# Adapters for agent frameworks, with the oldest and the newest release of each, in environments of their own: minutes
test-adapters *frameworks:
    python tools/adapters.py "$@"

# Check the promises of docs/trust.md and write the figures into it: minutes, with `--release` hours; it continues where it was
trust *arguments:
    python -m tests.trust "$@"

# The package as users get it: a wheel, installed and tried outside of the checkout
test-wheel:
    rm -rf target/wheels/tried
    pip wheel --quiet --no-deps --wheel-dir target/wheels/tried .
    python tools/wheels target/wheels/tried/*.whl

# Build and check the wheels that Linux can build, and the sources, into dist/
wheels:
    python tools/wheels

# Write what is generated, and format
gen:
    python tools/unasync.py
    python tools/differences.py
    python tools/limits.py
    python tools/calls.py
    python tools/conflicts.py
    python tools/demo_data.py
    python tools/third_party.py
fmt: gen
    cargo fmt
    ruff format
    ruff check --fix
    npm run --silent fmt

# The site, in site/: guides, and the reference from the docstrings; a broken link fails
docs:
    python tools/website.py

# Measure; each benchmark checks its answers first
bench *arguments:
    python -m pytest benches --benchmark-only "$@"

# Exact search and its peers, side by side; `pip install --editable '.[bench]'` brings the peers
bench-peers *arguments:
    python -m benches.peers "$@"

# The page of `serve` on a long thread and a large index, in Chromium
bench-page:
    python -m benches.page

# Adapters and the frameworks' own stores, side by side; `.[bench]` brings those, DATABASE_URL names a PostgreSQL
bench-frameworks:
    python -m benches.frameworks

# Writes beside an export of the folder
bench-export:
    python -m benches.export

# Vector indexes beyond a network of 40 ms and 50 Mbit/s: minutes
bench-afar:
    python -m benches.afar

# Draw how the time of a query grows
bench-scaling file *arguments:
    python -m benches.peers.scaling "$@"

# Whether exact search is as far ahead of NumPy and as near its bound as it was, by ratios
bench-check:
    python -m benches.peers.regression
