#!/usr/bin/env bash
# oci.sh: both images of container/Containerfile without docker or podman, in build/container: `oci` (an OCI layout), seemachine-image.tar and
# seemachine-client-image.tar (for docker load, podman load). No image registry is asked: the bases are Debian roots (debian.sh), with Python and
# nothing else, and with a compiler. Needs debootstrap, buildah and skopeo, and pip's index. Storage is a folder of our own.
set -euo pipefail
umask 022
cd "$(dirname "$0")/.."
out=build/container
arch=$(dpkg --print-architecture)
base=build/debian-$arch
compiler=$base-compiler
mkdir -p "$out"
test -d "$base" || container/debian.sh "$arch" "$base"
test -d "$compiler" || container/debian.sh "$arch" "$compiler" python3-pip python3-dev gcc

store=(buildah --root "$PWD/$out/storage" --runroot "$PWD/$out/storage-run" --storage-driver "${STORAGE_DRIVER:-overlay}")
clean() { chmod -R u+w "$out/storage" 2>/dev/null || true; rm -rf "$out/storage" "$out/storage-run"; }
clean
trap clean EXIT

import() {
    local scratch
    scratch=$("${store[@]}" from scratch)
    "${store[@]}" add --quiet "$scratch" "$1" / >/dev/null
    "${store[@]}" commit --quiet --timestamp 0 "$scratch" "$2" >/dev/null
    "${store[@]}" rm "$scratch" >/dev/null
}
import "$base" seemachine-base
import "$compiler" seemachine-compiler

# Certificates are this host's: those of a root that was never configured are not in one file yet.
build() {
    "${store[@]}" build --quiet --isolation chroot --pull-never --timestamp 0 --format docker --volume /etc/ssl/certs:/etc/ssl/certs:ro \
        --build-arg BASE=localhost/seemachine-base --build-arg COMPILER=localhost/seemachine-compiler \
        --ignorefile container/Containerfile.dockerignore --file container/Containerfile "$@" . >/dev/null
}
build --target made --tag seemachine-made
rm -rf "$out/oci" "$out"/seemachine*-image.tar
for image in seemachine:machine seemachine-client:client; do
    name=${image%:*}
    build --build-context made=container-image://localhost/seemachine-made --target "${image#*:}" --tag "$name:local"
    "${store[@]}" push --quiet --format oci "$name:local" "oci:$PWD/$out/oci:$name"
    # The same for docker load and podman load; only this form carries the healthcheck.
    "${store[@]}" push --quiet "$name:local" "docker-archive:$PWD/$out/$name-image.tar:$name:local"
    skopeo inspect --format "$name {{.Digest}} {{.Architecture}}" "oci:$PWD/$out/oci:$name"
done
