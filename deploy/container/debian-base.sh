#!/bin/sh
# Makes an image with Debian's Python, for machines that can't reach a registry of images: as root, with buildah and
# debootstrap from Debian. Then build with --build-arg BASE=localhost/debian-python.
set -eu
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates trixie "$root"
ln -s python3 "$root/usr/bin/python"
rm -rf "$root/var/cache/apt/archives" "$root/var/lib/apt/lists"
container=$(buildah from scratch)
buildah add --quiet "$container" "$root" /
buildah commit --quiet "$container" localhost/debian-python
buildah rm "$container"
