#!/bin/sh
# Brings the example stack up from the images in the folder $1, shows that it
# answers and what gocompose says of it, and takes it down.
set -eu
images=$(cd "$1" && pwd)
cd "$(dirname "$0")"
port=${WEB_PORT:-8080}
say() { printf '\n\033[1m$ %s\033[0m\n' "$*"; "$@"; }

# What runs is taken down however this ends; its data, of a demonstration, too.
trap 'status=$?; gocompose --progress quiet down -v -t 2; exit $status' EXIT
trap 'exit 130' INT TERM

say gocompose image load "$images"/nginx.tar "$images"/postgres.tar "$images"/redis.tar
say gocompose plan
say gocompose up -d
tries=0
until answer=$(curl -fsS "http://localhost:$port/" 2>/dev/null); do
    tries=$((tries + 1))
    if [ $tries -gt 100 ]; then
        echo "the stack does not answer on localhost:$port" >&2
        gocompose logs
        exit 1
    fi
    sleep 0.2
done
say curl -fsS "http://localhost:$port/"
say gocompose ps
say gocompose logs -n 2
export GREETING=Servus
say gocompose plan
say gocompose up -d
say curl -fsS --retry 20 --retry-all-errors --retry-delay 1 "http://localhost:$port/"
say gocompose stop
say gocompose start
say curl -fsS --retry 20 --retry-all-errors --retry-delay 1 "http://localhost:$port/"
say gocompose up -d --build
say gocompose down -v
trap - EXIT
