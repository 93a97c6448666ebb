#!/usr/bin/env bash
# The restore drill: an installation of its own is backed up, goes on writing, makes a mistake, is destroyed and
# recovered to the moment before the mistake. Ends with `stentor audit verify` on what was recovered.
# The commands are those of docs/OPERATIONS.md.
#
# usage: scripts/drill-restore.sh STENTOR        (the path of the binary)
set -euo pipefail

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
stentor="$(realpath "${1:?usage: scripts/drill-restore.sh STENTOR}")"
# shellcheck source=scripts/common.sh
source "$ROOT/scripts/common.sh"
# shellcheck source=scripts/postgres.sh
source "$ROOT/scripts/postgres.sh"

bin="$(pg_bin)"
[[ -n "$bin" ]] || fail "PostgreSQL $PG_MIN or newer is not installed" "an administrator runs: apt-get install postgresql"

home="$(mktemp -d -t stentor-drill.XXXXXX)"
port="$(free_port 15432)"
began=$SECONDS
server=

# PostgreSQL does not run as root.
pg() {
  local program="$1"
  shift
  if is_root; then
    (cd "$home" && exec setpriv --reuid=postgres --regid=postgres --clear-groups -- "$bin/$program" "$@")
  else
    (cd "$home" && exec "$bin/$program" "$@")
  fi
}

sql() { "$bin/psql" -qXAt -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$port" -U postgres "${2:-stentor}" -c "$1"; }

clean() {
  trap - EXIT
  [[ -n "$server" ]] && { kill "$server" && wait "$server"; } 2>/dev/null
  [[ -e "$home/data/postmaster.pid" ]] && pg pg_ctl -D "$home/data" -m immediate -w stop >/dev/null
  rm -rf "$home"
}
trap clean EXIT

say() { printf '%3d s  %s\n' "$((SECONDS - began))" "$*"; }

start_postgres() { pg pg_ctl -D "$home/data" -l "$home/postgres.log" -w -t 120 start >/dev/null || { tail -n 20 "$home/postgres.log" >&2; exit 1; }; }

# Folds the read tables as far as the log goes, and audits.
audit() {
  (cd "$home" && exec "$stentor" serve --roles projections) >"$home/server.log" 2>&1 &
  server=$!
  wait_for 60 projections_are_there || { tail -n 20 "$home/server.log" >&2; fail "the projections do not come to the end of the log"; }
  (cd "$home" && "$stentor" audit verify)
  kill "$server"
  wait "$server" || true
  server=
}

projections_are_there() {
  [[ "$(sql "SELECT count(*) > 0 AND bool_and((c.last_xid, c.last_position) >= (e.xid::text::bigint, e.position))
    FROM es.checkpoints c, (SELECT xid, position FROM es.events ORDER BY xid DESC, position DESC LIMIT 1) e
    WHERE c.projection IN ('credit_transactions', 'customers', 'users')")" == t ]]
}

is_archived() { [[ "$(sql "SELECT last_archived_wal >= '$1' FROM pg_stat_archiver")" == t ]]; }
is_promoted() { [[ "$(sql "SELECT NOT pg_is_in_recovery()")" == t ]]; }

export DATABASE_URL="postgres://postgres@127.0.0.1:$port/stentor"
export STENTOR__IDENTITY__KEYS_PATH="$home/keys" STENTOR__STORAGE__PATH="$home/objects"
STENTOR__HTTP__PORT="$(free_port 18090)"
export STENTOR__HTTP__PORT STENTOR__LOG__FILTER=error STENTOR__DEMO__ENABLED=true

mkdir -p "$home/archive" "$home/backup"
is_root && chown -R postgres "$home"
pg initdb -D "$home/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
cat >>"$home/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$home'
archive_mode = on
archive_command = 'test ! -f $home/archive/%f && cp %p $home/archive/%f'
CONF
start_postgres
"$stentor" migrate
(cd "$home" && "$stentor" demo seed)
say "an installation with $(sql "SELECT count(*) FROM es.events") events, write-ahead log archived"

pg pg_basebackup -h 127.0.0.1 -p "$port" -U postgres -D "$home/backup/base" --checkpoint=fast --wal-method=stream
cp -a "$home/keys" "$home/backup/keys"
say "base backup and keys are copied"

echo "correct horse battery" | "$stentor" admin create --name "Berta Before" --email before@demo.test >/dev/null
until="$(sql "SELECT clock_timestamp()")"
events="$(sql "SELECT count(*) FROM es.events")"
say "the moment to go back to: $until, $events events"
echo "correct horse battery" | "$stentor" admin create --name "Arno After" --email after@demo.test >/dev/null
segment="$(sql "SELECT pg_walfile_name(pg_switch_wal())")"
wait_for 60 is_archived "$segment" || fail "the write-ahead log is not archived" "see $home/postgres.log"
say "the mistake: $(sql "SELECT count(*) FROM es.events") events"

pg pg_ctl -D "$home/data" -m immediate -w stop >/dev/null
rm -rf "$home/data" "$home/keys"
say "server, data and keys are destroyed"

cp -a "$home/backup/base" "$home/data"
cp -a "$home/backup/keys" "$home/keys"
cat >>"$home/data/postgresql.auto.conf" <<CONF
restore_command = 'cp $home/archive/%f %p'
recovery_target_time = '$until'
recovery_target_action = 'promote'
CONF
touch "$home/data/recovery.signal"
is_root && chown -R postgres "$home/data"
start_postgres
wait_for 120 is_promoted || fail "the recovery does not end" "see $home/postgres.log"
found="$(sql "SELECT count(*) FROM es.events")"
say "recovered to $until: $found events"
[[ "$found" == "$events" ]] || fail "$events events were there at that moment, $found are there now"

"$stentor" migrate >/dev/null
audit
say "the drill is over"
