#!/bin/sh
# Builds the images of examples/stack into the folder $1: nginx, PostgreSQL and
# Redis from Debian's packages, the application from its Go source.
set -eu
out=$1
here=$(dirname "$0")
mkdir -p "$out"

debian() { # name, image, packages
    if [ ! -s "$out/$1.tar" ] || [ "$here/$1" -nt "$out/$1.tar" ]; then
        echo "building $2 from Debian's $3"
        mmdebstrap --quiet --variant=minbase --include="$3" \
            --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
            --dpkgopt='path-exclude=/usr/share/locale/*' \
            --essential-hook='mkdir -p "$1/etc/postgresql-common" && echo "create_main_cluster = false" >"$1/etc/postgresql-common/createcluster.conf"' \
            --customize-hook='if [ -d "$1/var/lib/postgresql" ]; then chroot "$1" install -d -o postgres -g postgres -m 700 /var/lib/postgresql/data; chroot "$1" install -d -o postgres -m 2775 /var/run/postgresql; fi' \
            --customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*' \
            bookworm "$out/$1.rootfs.tar"
        go run ./examples/images/mkimage -o "$out/$1.tar" -tag "$2" -base "$out/$1.rootfs.tar" "$here/$1"
        rm "$out/$1.rootfs.tar"
    fi
}

debian nginx example/nginx:1 nginx-light
debian postgres example/postgres:15 postgresql-15
debian redis example/redis:7 redis-server

mkdir -p "$out/app/rootfs"
(cd examples/app && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "../../$out/app/rootfs/app" .)
cp examples/app/image.json "$out/app/image.json"
go run ./examples/images/mkimage -o "$out/app.tar" -tag example/app:1 "$out/app"
