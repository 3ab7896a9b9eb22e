#!/usr/bin/env bash
# debian.sh ARCH DIR: a Debian root with Python 3.11 and nothing else (no shell, no package manager), for ARCH, made anew in DIR.
# debian.sh ARCH DIR PACKAGE...: all of a minimal Debian and these packages, unconfigured.
# Nothing of it is run here, so any architecture will do. From the mirror that apt is configured with. Needs debootstrap and dpkg-deb.
set -euo pipefail
umask 022
arch=$1 root=$2
shift 2
suite=bookworm   # the release with Python 3.11

# What Python and its modules that the daemon wants are linked with.
packages="libbz2-1.0 libc6 libexpat1 libffi8 libgcc-s1 liblzma5 libpython3.11-minimal libpython3.11-stdlib libsqlite3-0 libssl3 libuuid1
python3.11-minimal python3-minimal zlib1g"
include=python3 wanted=()
for package in $packages; do wanted+=("${package}_*.deb"); done
if test "$#" != 0; then include=$(IFS=,; echo "$*") wanted=("*.deb"); fi

mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -n 1)
test -n "$mirror" || { echo "debian.sh: apt has no sources of Debian; see sources.list(5)" >&2; exit 1; }

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
as_root=()
test "$(id -u)" = 0 || as_root=(unshare --map-root-user)
"${as_root[@]}" /usr/sbin/debootstrap --download-only --arch="$arch" --variant=minbase --include="$include" "$suite" "$scratch/all" "$mirror" \
    >"$scratch/log" 2>&1 || { tail -n 20 "$scratch/log" >&2; exit 1; }

# Under its name only when it is whole.
part=$root.part
rm -rf "$root" "$part"
mkdir -p "$part"
for pattern in "${wanted[@]}"; do
    for archive in "$scratch"/all/var/cache/apt/archives/$pattern; do
        dpkg-deb --extract "$archive" "$part"
    done
done
# What only people read; licences stay.
find "$part/usr/share/doc" -type f ! -name copyright -delete
rm -rf "$part"/usr/share/{man,lintian,applications,pixmaps,doc-base,locale}
# The packages gave it a time of theirs, and make would fetch it all again.
touch "$part"
mv "$part" "$root"
