# shellcheck shell=bash
# Common ground of ./dev and .ci/run: places, messages, steps with times, the lock, daemons.
# Sourced, never run. It must not know what PostgreSQL, RabbitMQ or the product are.

STATE="$ROOT/.dev"
LOGS="$STATE/logs"
RUN="$STATE/run"
mkdir -p "$LOGS" "$RUN"

# Tools that were installed for one user are often missing from a service's or a script's PATH.
[[ -d "$HOME/.cargo/bin" && ":$PATH:" != *":$HOME/.cargo/bin:"* ]] && PATH="$HOME/.cargo/bin:$PATH"
export PATH

is_root() { [[ "$(id -u)" -eq 0 ]]; }
have() { command -v "$1" >/dev/null 2>&1; }

# fail WHAT REMEDY..: says what is wrong and what to do, then ends the command.
fail() {
  printf 'error: %s\n' "$1" >&2
  shift
  printf '  %s\n' "$@" >&2
  exit 1
}

note() { printf '  %s\n' "$*"; }

# ---- one at a time ----------------------------------------------------------------------------

# Two launchers at once would start everything twice. Daemons must be started with 9>&-,
# or the lock is held for as long as they live.
take_lock() {
  exec 9>"$STATE/lock"
  if ! flock -n 9; then
    echo "another ./dev is at work in this folder: waiting for it" >&2
    flock -w 3600 9 || fail "the other ./dev has held $STATE/lock for an hour" \
      "end it, then try again; 'fuser $STATE/lock' names it"
  fi
  rm -f "$RUN"/says.*
}

release_lock() { exec 9>&-; }

# ---- steps ------------------------------------------------------------------------------------

set_steps() { STEP_COUNT="$1" STEP_NUMBER=0; }

# Shows that a long step lives: the seconds on a terminal, a line a minute elsewhere.
_tick() {
  local label="$1" log="$2" parent="$3" started=$SECONDS elapsed
  while kill -0 "$parent" 2>/dev/null; do
    sleep 1
    elapsed=$((SECONDS - started))
    if [[ -t 1 ]]; then
      printf '\r\033[K%s … %s s  %.60s' "$label" "$elapsed" "$(tail -n 1 "$log" 2>/dev/null | tr -d '\r\033' || true)"
    elif ((elapsed % 60 == 0)); then
      printf ' %s s …' "$elapsed"
    fi
  done
}

# step TITLE LOG COMMAND..: runs the command with its output in .dev/logs/LOG.log.
# The command runs in a subshell under errexit: what it finds out must go into a file.
# What it has to tell people it writes to descriptor 3.
step() {
  local title="$1" log="$LOGS/$2.log" label ticker status began took says
  shift 2
  STEP_NUMBER=$((STEP_NUMBER + 1))
  label="$(printf '[%2d/%d] %s' "$STEP_NUMBER" "$STEP_COUNT" "$title")"
  says="$(mktemp "$RUN/says.XXXXXX")"
  printf '%s …' "$label"
  began=$(date +%s%N)
  : >"$log"
  _tick "$label" "$log" $$ 9>&- &
  ticker=$!
  set +e
  (
    set -e
    "$@"
  ) >>"$log" 2>&1 3>>"$says" </dev/null
  status=$?
  set -e
  kill "$ticker" 2>/dev/null || true
  wait "$ticker" 2>/dev/null || true
  took="$(seconds_since "$began")"
  [[ -t 1 ]] && printf '\r\033[K%s …' "$label"
  if ((status == 0)); then
    printf ' %s s\n' "$took"
    sed 's/^/        /' "$says"
    rm -f "$says"
    return 0
  fi
  printf ' failed after %s s\n' "$took"
  if [[ -s "$says" ]]; then cat "$says" >&2; else show_reason "$log" >&2; fi
  rm -f "$says"
  echo "  the whole output: ${log#"$ROOT"/}" >&2
  return "$status"
}

# What a failed command said: its first complaints, which its last lines may only decorate, and its end.
show_reason() {
  if (($(wc -l <"$1") > 25)); then
    grep -niE -m 5 '(^| )error\b|^fatal|^E:|FAILED' "$1" || true
    echo "  .."
  fi
  tail -n 20 "$1"
}

# In a step: tell people, not the log.
tell() { printf '%s\n' "$*" >&3; }

# In a step: what is wrong, what to do, and the step ends.
give_up() {
  local remedy
  tell "error: $1"
  shift
  for remedy in "$@"; do tell "  $remedy"; done
  exit 1
}

seconds_since() {
  local ms=$((($(date +%s%N) - $1) / 1000000))
  if ((ms < 10000)); then printf '%d.%d' $((ms / 1000)) $((ms % 1000 / 100)); else printf '%d' $((ms / 1000)); fi
}

# ---- ports ------------------------------------------------------------------------------------

port_open() { (exec 8<>"/dev/tcp/$1/$2") 2>/dev/null; }

# The first free port at or above $1 on this host.
free_port() {
  local port="$1"
  while port_open 127.0.0.1 "$port"; do port=$((port + 1)); done
  echo "$port"
}

# url_host_port URL DEFAULT_PORT: prints 'host port'; nothing for a URL without a host (a socket).
url_host_port() {
  local rest="${1#*://}"
  rest="${rest%%[/?]*}"
  rest="${rest##*@}"
  [[ -z "$rest" || "$rest" == %2* ]] && return 0
  if [[ "$rest" == *:* && "$rest" != *"]" ]]; then
    echo "${rest%:*} ${rest##*:}"
  else
    echo "$rest $2"
  fi
}

# A URL as it may be shown: without its password.
public_url() { sed -E 's#(://[^:/@]*):[^@/]*@#\1:***@#' <<<"$1"; }

# ---- daemons ----------------------------------------------------------------------------------

# Process numbers are used again: a daemon is its number and its start time.
start_time() { sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

daemon_pid() {
  local pid started
  [[ -r "$RUN/$1.pid" ]] || return 1
  read -r pid started _ <"$RUN/$1.pid" || return 1
  [[ -n "$started" && "$(start_time "$pid")" == "$started" ]] || return 1
  echo "$pid"
}

# start_daemon NAME FINGERPRINT COMMAND..: runs on after this command has ended.
# The fingerprint tells the next 'up' whether the daemon is still what it would start.
start_daemon() {
  local name="$1" fingerprint="$2" pid
  shift 2
  setsid "$@" >>"$LOGS/$name.log" 2>&1 </dev/null 3>&- 9>&- &
  pid=$!
  printf '%s %s %s\n' "$pid" "$(start_time "$pid")" "$fingerprint" >"$RUN/$name.pid"
}

daemon_fingerprint() { cut -d' ' -f3- "$RUN/$1.pid" 2>/dev/null || true; }

# Asks the daemon to end, and insists after 30 s.
stop_daemon() {
  local name="$1" pid deadline=$((SECONDS + 30))
  if pid="$(daemon_pid "$name")"; then
    kill -TERM "$pid" 2>/dev/null || true
    while [[ -n "$(daemon_pid "$name")" ]] && ((SECONDS < deadline)); do sleep 0.1; done
    if daemon_pid "$name" >/dev/null; then kill -KILL "$pid" 2>/dev/null || true; fi
    note "stopped the $name"
  fi
  rm -f "$RUN/$name.pid"
}

# wait_for SECONDS COMMAND..: until the command succeeds.
wait_for() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.2
  done
}

status_line() {
  local pid
  if pid="$(daemon_pid "$1")"; then
    printf '%-10s running  pid %-8s since %s  %s\n' "$1" "$pid" "$(ps -o lstart= -p "$pid" 2>/dev/null || stat -c %y "$RUN/$1.pid")" "$2"
  else
    printf '%-10s stopped\n' "$1"
  fi
}

show_logs() {
  local follow=() names=() file
  [[ "${1:-}" == -f ]] && { follow=(-F); shift; }
  if (($#)); then
    names=("$LOGS/$1.log")
    [[ -r "${names[0]}" ]] || fail "there is no log named '$1'" \
      "there are: $(find "$LOGS" -name '*.log' -printf '%f ' | sed 's/\.log//g')"
  else
    for file in server worker postgres-server rabbitmq-server; do
      [[ -r "$LOGS/$file.log" ]] && names+=("$LOGS/$file.log")
    done
    ((${#names[@]})) || fail "there are no logs yet" "./dev up writes them to .dev/logs"
  fi
  tail -n 100 "${follow[@]}" "${names[@]}"
}
