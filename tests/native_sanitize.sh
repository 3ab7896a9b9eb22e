#!/bin/sh
# Runs the native engine's tests with the compiler's address and undefined-behaviour sanitizers: the C alone, then the extension in Python.
# Leaks are left out: the interpreter keeps some memory to its end by design.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
compiler=${CC:-gcc}
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT

cp -r seemachine tests setup.py pyproject.toml "$copy"
cd "$copy"
rm -f seemachine/lms/engines/_native*.so
CFLAGS="-O1 -fsanitize=address,undefined -fno-sanitize-recover=all" SEEMACHINE_CFLAGS="-O1" \
    "$python" setup.py -q build_ext --inplace
ls seemachine/lms/engines/_native*.so > /dev/null # the extension is optional: its build fails without a word
SEEMACHINE_SANITIZE=1 PYTHONPATH=. "$python" -m pytest -q tests/lms/engines/test_standalone.py -k sanitizers
# The interpreter itself is not sanitized, so the library has to be there before it.
LD_PRELOAD=$("$compiler" -print-file-name=libasan.so) ASAN_OPTIONS=detect_leaks=0 PYTHONPATH=. \
    "$python" -m pytest -q tests/lms/engines/test_native.py tests/lms/engines/test_select.py
# What strangers can send to it, as the fuzzer keeps it.
LD_PRELOAD=$("$compiler" -print-file-name=libasan.so) ASAN_OPTIONS=detect_leaks=0 PYTHONPATH=. \
    "$python" -m pytest -q tests/fuzz/test_corpus.py -k "kernel or verifying or public_keys or signatures"
