#!/usr/bin/env bash
# A real PostgreSQL for tests: own data folder, loopback only, one throw-away database.
#
#   scripts/postgres.sh install              packages (root, Debian or Ubuntu)
#   scripts/postgres.sh start  [folder]      prints the exports of `env`
#   scripts/postgres.sh stop   [folder]      ends the server whose pid file is in the folder
#   scripts/postgres.sh status [folder]
#   scripts/postgres.sh env    [folder]      eval "$(scripts/postgres.sh env)"
#
# The folder is ${CLEARWARD_HOME:-.clearward}/postgres unless named. PostgreSQL refuses to run as
# root: then it runs as `postgres`, which must be able to reach the folder. It listens on
# ${CLEARWARD_POSTGRES_PORT:-5569}, or on 20, 40 … above it where another checkout is there;
# [folder]/port says where.
set -euo pipefail

command=${1:-help}
folder=${2:-${CLEARWARD_HOME:-.clearward}/postgres}
database=clearward_test

say() { echo "postgres.sh: $*" >&2; }

taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

choose_port() {
    local wanted
    wanted=$(cat "$folder/port" 2>/dev/null || echo "${CLEARWARD_POSTGRES_PORT:-5569}")
    for port in $(seq "$wanted" 20 65000); do taken "$port" || break; done
    echo "$port" >"$folder/port"
}

binaries() {
    local found
    found=$(find /usr/lib/postgresql -maxdepth 3 -name pg_ctl -path '*/bin/*' 2>/dev/null |
        sort -V | tail -1)
    [ -n "$found" ] || found=$(command -v pg_ctl || true)
    [ -n "$found" ] || return 1
    dirname "$found"
}

install() {
    binaries >/dev/null && return
    [ "$(id -u)" = 0 ] || { say "not installed; run as root: $0 install"; exit 1; }
    # no cluster of the distribution's own is wanted: this script makes its own
    mkdir -p /etc/postgresql-common
    [ -e /etc/postgresql-common/createcluster.conf ] ||
        echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postgresql >/dev/null
}

as_owner() {
    if [ "$(id -u)" = 0 ]; then (cd / && setpriv --reuid=postgres --regid=postgres \
        --init-groups env -i PATH="$PATH" LC_ALL=C "$@"); else "$@"; fi
}

start() {
    install
    local bin
    bin=$(binaries)
    mkdir -p "$folder"
    folder=$(cd "$folder" && pwd)
    if [ ! -f "$folder/data/PG_VERSION" ]; then
        (umask 077 && head -c 30 /dev/urandom | base64 | tr -dc 'A-Za-z0-9' >"$folder/password")
        mkdir -p "$folder/data"
        if [ "$(id -u)" = 0 ]; then
            chown postgres "$folder" "$folder/data" "$folder/password"
        fi
        as_owner "$bin/initdb" -D "$folder/data" -U clearward -A scram-sha-256 \
            --pwfile="$folder/password" -E UTF8 --locale=C >/dev/null
    fi
    if ! as_owner "$bin/pg_ctl" -D "$folder/data" status >/dev/null; then
        choose_port
        as_owner "$bin/pg_ctl" -D "$folder/data" -l "$folder/data/server.log" -w -t 60 start \
            -o "-c listen_addresses=127.0.0.1 -p $port -k $folder/data" >/dev/null ||
            { say "the server did not start; see $folder/data/server.log"; exit 1; }
    fi
    local url port
    port=$(cat "$folder/port" 2>/dev/null || echo "${CLEARWARD_POSTGRES_PORT:-5569}")
    url="postgresql://clearward:$(cat "$folder/password")@127.0.0.1:$port/postgres"
    "$bin/psql" -qtA "$url" -c "select 1 from pg_database where datname='$database'" |
        grep -q 1 || "$bin/psql" -q "$url" -c "create database $database"
    show_env
}

stop() {
    [ -f "$folder/data/postmaster.pid" ] || { say "nothing was started in $folder"; return; }
    folder=$(cd "$folder" && pwd)
    as_owner "$(binaries)/pg_ctl" -D "$folder/data" -m fast -w stop >/dev/null
}

status() {
    [ -f "$folder/data/PG_VERSION" ] || { echo "never started"; return 1; }
    folder=$(cd "$folder" && pwd)
    as_owner "$(binaries)/pg_ctl" -D "$folder/data" status
}

show_env() {
    [ -f "$folder/password" ] || { say "not started yet"; exit 1; }
    local port
    port=$(cat "$folder/port" 2>/dev/null || echo "${CLEARWARD_POSTGRES_PORT:-5569}")
    echo "export CLEARWARD_TEST_POSTGRES=postgresql+psycopg://clearward:$(cat "$folder/password")@127.0.0.1:$port/$database"
}

case $command in
    install | start | stop | status) "$command" ;;
    env) show_env ;;
    *) sed -n '2,14s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
