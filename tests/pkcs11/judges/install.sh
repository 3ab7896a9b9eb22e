#!/bin/sh
# pkcs11js for Node.js into a folder: the version that tests were written with, compiled here against the headers of this Node.js.
set -eu
mkdir -p "$1"
cd "$1"
printf '{"private": true, "dependencies": {"pkcs11js": "2.1.7"}}\n' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts
node=$(command -v node)
cd node_modules/pkcs11js
# npm has node-gyp with it, wherever it is installed.
gyp=$(find -L "$(dirname "$(readlink -f "$(command -v npm)")")/.." -path '*node-gyp/bin/node-gyp.js' -print -quit)
"$node" "$gyp" rebuild --nodedir="$(dirname "$(dirname "$(readlink -f "$node")")")" > ../../build.log 2>&1
