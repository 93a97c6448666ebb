# shellcheck shell=bash
# What a machine must have to build and run Stentor, and how it gets there.
# Rust and Node are the developer's own choice: they are checked, never installed.

RUST_MIN=1.95
NODE_MIN=20.19

# Debian's name for each command that a build or a run needs.
# cmake is for libopus, g++ for torch-sys and the tokenizer's regular expressions.
TOOL_PACKAGES=(
  "cc:gcc" "c++:g++" "make:make" "cmake:cmake" "pkg-config:pkg-config"
  "curl:curl" "python3:python3" "setpriv:util-linux"
)

missing_packages() {
  local pair
  for pair in "${TOOL_PACKAGES[@]}"; do have "${pair%%:*}" || echo "${pair#*:}"; done
  # A compiler without the C library's headers builds nothing.
  have cc && ! echo '#include <stdlib.h>' | cc -E - >/dev/null 2>&1 && echo libc6-dev
  [[ -d "$ROOT/.libtorch/lib" ]] || python3 -m pip --version >/dev/null 2>&1 || echo python3-pip
  return 0
}

# version_at_least HAVE NEED
version_at_least() { [[ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" == "$2" ]]; }

rust_version() { (cd "$ROOT" && cargo --version 2>/dev/null) | cut -d' ' -f2; }
node_version() { node --version 2>/dev/null | tr -d v; }

# Prints what is wrong with Rust or Node and what to do; nothing when they will do.
toolchain_problems() {
  local rust node
  rust="$(rust_version)" node="$(node_version)"
  if [[ -z "$rust" ]]; then
    echo "Rust is missing: install Rust $RUST_MIN or newer from https://rustup.rs, then run this again"
  elif ! version_at_least "$rust" "$RUST_MIN"; then
    echo "Rust $rust is too old, $RUST_MIN or newer is needed: run 'rustup update stable'"
  fi
  if [[ -z "$node" ]]; then
    echo "Node is missing: install Node $NODE_MIN or newer from https://nodejs.org, then run this again"
  elif ! version_at_least "$node" "$NODE_MIN"; then
    echo "Node $node is too old, $NODE_MIN or newer is needed: https://nodejs.org has packages"
  elif ! have npm; then
    echo "npm is missing: it comes with Node from https://nodejs.org; Debian has it as package npm"
  fi
}

ensure_tools() {
  local problems packages=()
  problems="$(toolchain_problems)"
  [[ -z "$problems" ]] || give_up "${problems%%$'\n'*}" "$(tail -n +2 <<<"$problems")"
  mapfile -t packages < <(missing_packages)
  ((${#packages[@]} == 0)) || install_packages "${packages[@]}"
}

can_install() { is_root && have apt-get; }

# install_packages NAME..: by apt-get, when that is there and may be used.
install_packages() {
  can_install || give_up "missing on this machine: $*" \
    "ask an administrator for: apt-get install --no-install-recommends $*" \
    "with 'postgresql rabbitmq-server' added, ./dev starts both as private instances;" \
    "without, compose.yaml or DATABASE_URL and AMQP_URL name what is to be used"
  tell "installing $*"
  apt_lists_are_fresh || apt-get -o DPkg::Lock::Timeout=300 update
  # Packages must not start their services: ./dev starts its own, as its own user.
  without_service_starts env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 \
    install -y --no-install-recommends "$@"
}

# A day is long enough not to ask the mirror each time, and short enough to find the packages.
apt_lists_are_fresh() {
  [[ -n "$(find /var/lib/apt/lists -maxdepth 1 -name '*Packages*' -mmin -1440 -print -quit 2>/dev/null)" ]]
}

# Debian's way to say that a package must not start its daemon.
without_service_starts() {
  local policy=/usr/sbin/policy-rc.d status=0
  if [[ -e "$policy" ]]; then
    "$@"
    return
  fi
  # The step runs in a subshell of its own, so this trap goes with it.
  # shellcheck disable=SC2064 # the path is fixed now
  trap "rm -f '$policy'" EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  "$@" || status=$?
  rm -f "$policy"
  return "$status"
}

# ---- the user and the folder of private services ----------------------------------------------

SERVICE_USER=stentor-dev

# PostgreSQL refuses to run as root, and another user cannot enter root's home:
# as root the services' data lives in /var/lib, one folder for each checkout.
services_home() {
  if is_root; then
    echo "/var/lib/stentor-dev/$(basename "$ROOT")-$(cksum <<<"$ROOT" | cut -d' ' -f1)"
  else
    echo "$STATE/services"
  fi
}

ensure_services_home() {
  local home
  home="$(services_home)"
  mkdir -p "$home"
  is_root || return 0
  if ! id -u "$SERVICE_USER" >/dev/null 2>&1; then
    useradd --system --user-group --home-dir /var/lib/stentor-dev --shell /usr/sbin/nologin "$SERVICE_USER"
  fi
  chmod 755 /var/lib/stentor-dev
  chown "$SERVICE_USER:" "$home"
  chmod 750 "$home"
}

# as_service COMMAND..: runs it as the services' user, in a folder that this user may enter,
# and without the descriptors of the lock and of the messages.
as_service() {
  if is_root; then
    (cd / && exec setpriv --reuid "$SERVICE_USER" --regid "$SERVICE_USER" --init-groups "$@" 3>&- 9>&-)
  else
    (cd / && exec "$@" 3>&- 9>&-)
  fi
}

# ---- the addresses in use ---------------------------------------------------------------------

# remember_service KEY VALUE: into the file that later steps and commands read.
remember_service() {
  local file="$STATE/services.env"
  touch "$file"
  sed -i "/^$1=/d" "$file"
  printf '%s=%q\n' "$1" "$2" >>"$file"
}

# An address in the environment wins over what an earlier command found.
load_services() {
  local database="${DATABASE_URL:-}" amqp="${AMQP_URL:-}"
  # shellcheck source=/dev/null
  [[ -r "$STATE/services.env" ]] && source "$STATE/services.env"
  [[ -n "$database" ]] && DATABASE_URL="$database"
  [[ -n "$amqp" ]] && AMQP_URL="$amqp"
  return 0
}

# url_with_database URL NAME: the same server, another database.
url_with_database() { sed -E "s#^([a-z]+://[^/?]*)(/[^?]*)?#\1/$2#" <<<"$1"; }

# Tests make databases of their own from a connection to one that every server has.
maintenance_url() { url_with_database "$DATABASE_URL" postgres; }

print_env() {
  load_services
  [[ -n "${DATABASE_URL:-}" && -n "${AMQP_URL:-}" ]] || fail "no services are known yet" "run ./dev setup or ./dev up"
  printf 'export DATABASE_URL=%q\nexport AMQP_URL=%q\nexport STENTOR_TEST_DATABASE_URL=%q\n' \
    "$DATABASE_URL" "$AMQP_URL" "$(maintenance_url)"
}

# ---- doctor -----------------------------------------------------------------------------------

doctor() {
  local problems packages=() free_gb
  echo "tools"
  problems="$(toolchain_problems)"
  mapfile -t packages < <(missing_packages)
  if [[ -z "$problems" ]]; then note "Rust $(rust_version), Node $(node_version)"; else note "$problems"; fi
  ((${#packages[@]} == 0)) || note "missing: ${packages[*]} ($(is_root && echo "./dev up installs them" || echo "apt-get install ${packages[*]}, as root"))"
  free_gb=$(($(df -Pk "$ROOT" | awk 'NR==2 {print $4}') / 1048576))
  note "$free_gb GB free here; a build with all tests needs about 10 GB"
  ((free_gb >= 4)) || note "that is too little even for ./dev up: make room first"
  echo "libtorch"
  note "$("$ROOT/scripts/libtorch.sh" --check "$ROOT/.libtorch" || true)"
  echo "services"
  doctor_postgres
  doctor_rabbitmq
  echo "this checkout"
  cmd_status | sed 's/^/  /'
  if port_open 127.0.0.1 "$(http_port)" && ! daemon_pid server >/dev/null; then
    note "port $(http_port) is taken by another program: STENTOR__HTTP__PORT=$(free_port "$(($(http_port) + 1))") ./dev up takes another one"
  fi
  [[ -z "$problems" ]]
}
