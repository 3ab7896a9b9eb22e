#!/bin/sh
# Runs the tests of what is C with the compiler's address and undefined-behaviour sanitizers: the native engine alone, then as an extension
# of Python; then both C libraries as Python loads them. Hosts that are C themselves are in tests/bridge, tests/acorn and tests/pkcs11.
# Leaks are left out: the interpreter keeps some memory to its end by design.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
compiler=${CC:-gcc}
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT

cp -r seemachine client tests setup.py pyproject.toml README.md LICENSE NOTICE "$copy"
cd "$copy"
rm -f seemachine/lms/engines/_native*.so client/seeclient/library/*.so
CFLAGS="-O1 -fsanitize=address,undefined -fno-sanitize-recover=all" SEEMACHINE_CFLAGS="-O1" \
    "$python" setup.py -q build_ext --inplace
ls seemachine/lms/engines/_native*.so client/seeclient/library/libacorn.so client/seeclient/library/seemachine-pkcs11.so > /dev/null # they are optional: their build fails without a word
SEEMACHINE_SANITIZE=1 PYTHONPATH=. "$python" -m pytest -q tests/lms/engines/test_standalone.py -k sanitizers
# The interpreter itself is not sanitized, so the library has to be there before it.
LD_PRELOAD=$("$compiler" -print-file-name=libasan.so) ASAN_OPTIONS=detect_leaks=0 PYTHONPATH=. \
    "$python" -m pytest -q tests/lms/engines/test_native.py tests/lms/engines/test_select.py
# What strangers can send to it, as the fuzzer keeps it.
LD_PRELOAD=$("$compiler" -print-file-name=libasan.so) ASAN_OPTIONS=detect_leaks=0 PYTHONPATH=. \
    "$python" -m pytest -q tests/fuzz/test_corpus.py -k "kernel or verifying or public_keys or signatures"
# Both C libraries as Python loads them. Helpers and machines are Python, with the library before it, too.
LD_PRELOAD=$("$compiler" -print-file-name=libasan.so) ASAN_OPTIONS=detect_leaks=0 PYTHONPATH="$copy:$copy/client" \
    "$python" -m pytest -q tests/acorn/test_acorn.py tests/acorn/test_acorn_mldsa.py tests/pkcs11/test_leaves.py tests/pkcs11/test_login.py \
    tests/pkcs11/test_pkcs11_mldsa.py
