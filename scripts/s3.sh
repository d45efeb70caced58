#!/usr/bin/env bash
# A real S3 server for tests: Ceph RADOS gateway from Debian, one node, loopback only.
#
#   scripts/s3.sh install              packages (root, Debian or Ubuntu)
#   scripts/s3.sh start  [folder]      about 20 s; prints the exports of `env`
#   scripts/s3.sh stop   [folder]      ends the three daemons that this folder's pid files name
#   scripts/s3.sh status [folder]
#   scripts/s3.sh env    [folder]      eval "$(scripts/s3.sh env)"
#
# Data live in [folder], default ${CLEARWARD_HOME:-.clearward}/s3, and survive a kill -9.
# Three ports from ${CLEARWARD_S3_PORT:-5559} on, or from 20, 40 … above it where another checkout
# has them: chosen at the first start, kept in [folder]/port.
# The keys are for tests on this machine; they are made at the first start.
set -euo pipefail

command=${1:-help}
folder=${2:-${CLEARWARD_HOME:-.clearward}/s3}
bucket=clearward-test

say() { echo "s3.sh: $*" >&2; }

taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

use_ports() {
    http_port=$1 https_port=$(($1 + 1)) mon_port=$(($1 + 2))
}

choose_ports() { # the cluster remembers its monitor's port: it is chosen once
    local first
    for first in $(seq "${CLEARWARD_S3_PORT:-5559}" 20 65000); do
        use_ports "$first"
        taken "$http_port" || taken "$https_port" || taken "$mon_port" || break
    done
    echo "$http_port" >port
}

install() {
    command -v radosgw ceph-mon ceph-osd ceph >/dev/null && return
    [ "$(id -u)" = 0 ] || { say "not installed; run as root: $0 install"; exit 1; }
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        radosgw ceph-mon ceph-osd ceph-common openssl >/dev/null
}

write_config() {
    cat >ceph.conf <<CONF
[global]
fsid = $(cat fsid)
mon host = v2:127.0.0.1:$mon_port
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
keyring = $PWD/keyring
run dir = $PWD/run
admin socket = $PWD/run/\$name.asok
pid file = $PWD/run/\$name.pid
log file = $PWD/log/\$name.log
crash dir = $PWD/crash
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon data avail crit = 1
mon data = $PWD/mon
osd data = $PWD/osd
ms bind msgr1 = false
setuser match path =
[osd.0]
osd objectstore = bluestore
bluestore block create = true
bluestore block size = 32212254720
osd memory target = 939524096
[client.rgw.a]
rgw frontends = beast endpoint=127.0.0.1:$http_port ssl_endpoint=127.0.0.1:$https_port ssl_certificate=$PWD/tls.pem
rgw gc obj min wait = 5
rgw gc processor period = 10
CONF
}

running() { # the daemon of this folder, not another one that was given its old pid
    [ -s "run/$1.pid" ] || return 1
    local cmdline
    cmdline=$(tr '\0' ' ' 2>/dev/null <"/proc/$(cat "run/$1.pid")/cmdline") 2>/dev/null || return 1
    [[ $cmdline == *"$PWD/ceph.conf"* ]]
}

create_cluster() {
    choose_ports
    cat /proc/sys/kernel/random/uuid >fsid
    cat /proc/sys/kernel/random/uuid >osd-uuid
    write_config
    umask 077
    ceph-authtool --create-keyring keyring --gen-key -n mon. --cap mon 'allow *' >/dev/null
    ceph-authtool keyring --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *' \
        --cap mgr 'allow *' >/dev/null
    ceph-authtool keyring --gen-key -n client.rgw.a --cap mon 'allow rwx' --cap osd 'allow rwx' \
        >/dev/null
    ceph-authtool keyring --gen-key -n osd.0 --cap mon 'allow profile osd' --cap osd 'allow *' \
        >/dev/null
    monmaptool --create --addv a "[v2:127.0.0.1:$mon_port]" --fsid "$(cat fsid)" monmap >/dev/null
    ceph-mon -c ceph.conf -i a --mkfs --monmap monmap --keyring keyring
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=127.0.0.1 \
        -addext subjectAltName=IP:127.0.0.1 -keyout tls.key -out tls.crt 2>/dev/null
    cat tls.key tls.crt >tls.pem
    { head -c 15 /dev/urandom | base64 | tr -dc 'A-Za-z0-9'; echo; } >access-key
    { head -c 30 /dev/urandom | base64 | tr -dc 'A-Za-z0-9'; echo; } >secret-key
}

admin() { timeout 60 ceph -c ceph.conf "$@"; }

check_ports() { # an answer on a port of a daemon that is down comes from somebody else's
    if { running mon.a || ! taken "$mon_port"; } &&
        { running client.rgw.a || ! taken "$http_port"; }; then return; fi
    say "port $http_port or $mon_port is another server's; stop that one, or remove $PWD"
    exit 1
}

start() {
    install
    mkdir -p "$folder"
    cd "$folder"
    mkdir -p run log crash mon osd
    local fresh=no
    if [ ! -f ready ]; then
        [ ! -f fsid ] || { say "$PWD holds half a cluster: stop it and remove the folder"; exit 1; }
        create_cluster
        fresh=yes
    fi
    use_ports "$(cat port 2>/dev/null || echo "${CLEARWARD_S3_PORT:-5559}")"
    check_ports
    write_config
    # -c with the absolute path: `running` tells this folder's daemons by it
    running mon.a || ceph-mon -c "$PWD/ceph.conf" -i a 2>/dev/null
    if [ $fresh = yes ]; then
        admin osd new "$(cat osd-uuid)" 0 >/dev/null 2>&1
        ceph-osd -c ceph.conf -i 0 --mkfs --osd-uuid "$(cat osd-uuid)" 2>/dev/null
        admin osd crush add osd.0 1.0 root=default host=localhost >/dev/null 2>&1
    fi
    running osd.0 || ceph-osd -c "$PWD/ceph.conf" -i 0 >/dev/null 2>&1
    running client.rgw.a || radosgw -c "$PWD/ceph.conf" -n client.rgw.a
    wait_for_gateway
    if [ $fresh = yes ]; then
        timeout 120 radosgw-admin -c ceph.conf -n client.rgw.a \
            --admin-socket="$PWD/run/admin.asok" user create --uid=test \
            --display-name=test --access-key="$(cat access-key)" \
            --secret-key="$(cat secret-key)" >/dev/null
        touch ready
    fi
    cd - >/dev/null
    make_bucket
    show_env
}

wait_for_gateway() {
    for _ in $(seq 240); do
        curl -s -o /dev/null "http://127.0.0.1:$http_port/" && return
        running client.rgw.a || { sleep 1; running client.rgw.a || break; }
        sleep 0.5
    done
    say "the gateway did not come up; see $PWD/log"
    exit 1
}

make_bucket() { # curl signs by itself: no SDK is needed to make a bucket
    curl -sf -o /dev/null -X PUT --aws-sigv4 aws:amz:us-east-1:s3 \
        -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' \
        -K <(echo "user = \"$(cat "$folder/access-key"):$(cat "$folder/secret-key")\"") \
        "http://127.0.0.1:$http_port/$bucket" || { say "the bucket could not be made"; exit 1; }
}

stop() {
    [ -d "$folder/run" ] || { say "nothing was started in $folder"; return; }
    cd "$folder"
    for name in client.rgw.a osd.0 mon.a; do
        running $name || { rm -f "run/$name.pid"; continue; }
        local pid
        pid=$(cat "run/$name.pid")
        kill "$pid"
        for _ in $(seq 40); do [ -d "/proc/$pid" ] || break; sleep 0.25; done
        if [ -d "/proc/$pid" ]; then kill -9 "$pid"; fi
        rm -f "run/$name.pid"
    done
}

status() {
    [ -d "$folder/run" ] || { echo "never started"; return 1; }
    cd "$folder"
    local down=0
    for name in mon.a osd.0 client.rgw.a; do
        if running $name; then echo "$name up, pid $(cat "run/$name.pid")"; else
            echo "$name down"; down=1; fi
    done
    return $down
}

show_env() {
    [ -f "$folder/ready" ] || { say "not started yet"; exit 1; }
    use_ports "$(cat "$folder/port" 2>/dev/null || echo "${CLEARWARD_S3_PORT:-5559}")"
    echo "export CLEARWARD_TEST_S3=http://127.0.0.1:$http_port"
    echo "export CLEARWARD_TEST_S3_TLS=https://127.0.0.1:$https_port"
    echo "export CLEARWARD_TEST_S3_CA=$(cd "$folder" && pwd)/tls.crt"
    echo "export CLEARWARD_TEST_S3_BUCKET=$bucket"
    echo "export AWS_ACCESS_KEY_ID=$(cat "$folder/access-key")"
    echo "export AWS_SECRET_ACCESS_KEY=$(cat "$folder/secret-key")"
    echo "export AWS_DEFAULT_REGION=us-east-1"
}

case $command in
    install | start | stop | status) "$command" ;;
    env) show_env ;;
    *) sed -n '2,14s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
