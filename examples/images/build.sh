#!/bin/sh
# Builds the images of examples/stack and testdata/compose into the folder $1:
# nginx, PostgreSQL, Redis and Python from Debian's packages; or those of them that
# are named. The application is compiled from its Go source, for its Dockerfile, and
# made an image for the tests that build none.
set -eu
out=$1
shift
[ $# -gt 0 ] || set -- nginx postgres redis python app
here=$(dirname "$0")
mkdir -p "$out"

debian() { # name, image, packages
    if [ ! -s "$out/$1.tar" ] || [ -n "$(find "$here/$1" -newer "$out/$1.tar")" ]; then
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

app() {
    mkdir -p "$out/app/rootfs"
    (cd examples/app && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o app .)
    cp examples/app/app "$out/app/rootfs/app"
    cp examples/app/image.json "$out/app/image.json"
    go run ./examples/images/mkimage -o "$out/app.tar" -tag example/app:1 "$out/app"
}

for image; do
    case $image in
    nginx) debian nginx example/nginx:1 nginx-light ;;
    postgres) debian postgres example/postgres:15 postgresql-15 ;;
    redis) debian redis example/redis:7 redis-server ;;
    python) debian python example/python:3 python3-flask,python3-redis,python3-psycopg2 ;;
    app) app ;;
    *) echo "no image $image" >&2 && exit 1 ;;
    esac
done
