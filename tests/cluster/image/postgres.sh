#!/bin/bash
# A Postgres in /data. While the file /data/away is there it stays away, as in an outage; its data stays. It does not wait for the
# disk: its processes crash in the tests, the machine does not, and a slow disk is not what is measured.
set -euo pipefail
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
export PATH PGDATA=/data/postgres

if [[ ! -e $PGDATA/PG_VERSION ]]; then
    initdb -U postgres --auth-local=trust --auth-host=scram-sha-256 --pwfile=<(echo "$POSTGRES_PASSWORD") >/dev/null
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
fi

server=""
trap '[[ -z $server ]] || kill -INT "$server"; wait; exit 0' TERM
while true; do
    while [[ -e /data/away ]]; do sleep 0.1; done
    postgres -c listen_addresses='*' -c unix_socket_directories=/tmp -c fsync=off "$@" &
    server=$!
    wait "$server" || true
done
