#!/usr/bin/env bash
# oci.sh: build/container/oci, the container image as an OCI layout, from the image tree and container/Containerfile. No registry is asked.
# The base is a Debian root with Python and nothing else; needs debootstrap (debian.sh), buildah and skopeo. Storage is a folder of our own.
set -euo pipefail
umask 022
cd "$(dirname "$0")/.."
out=build/container
base=build/debian-$(dpkg --print-architecture)
test -d "$base" || container/debian.sh "$(dpkg --print-architecture)" "$base"

store=("buildah" --root "$PWD/$out/storage" --runroot "$PWD/$out/storage-run" --storage-driver vfs)
clean() { chmod -R u+w "$out/storage" 2>/dev/null || true; rm -rf "$out/storage" "$out/storage-run"; }
clean
trap clean EXIT

scratch=$("${store[@]}" from scratch)
"${store[@]}" add --quiet "$scratch" "$base" / >/dev/null
"${store[@]}" commit --quiet --timestamp 0 "$scratch" seemachine-base >/dev/null
"${store[@]}" rm "$scratch" >/dev/null
"${store[@]}" build --quiet --isolation chroot --pull-never --timestamp 0 --format docker \
    --build-arg BASE=localhost/seemachine-base --file container/Containerfile --tag seemachine "$out" >/dev/null
rm -rf "$out/oci" "$out/seemachine-image.tar"
"${store[@]}" push --quiet --format oci seemachine "oci:$PWD/$out/oci:seemachine"
# The same for docker and podman load; only this form carries the healthcheck.
"${store[@]}" push --quiet seemachine "docker-archive:$PWD/$out/seemachine-image.tar:seemachine:latest"
skopeo inspect --format '{{.Digest}} {{.Architecture}}' "oci:$PWD/$out/oci:seemachine"
