# shellcheck shell=bash
# The benchmarks: of the log and of reads against the PostgreSQL that ./dev finds, in databases of their own;
# of speech beside other Whispers, which live in a Python environment of their own.

SPEECH="$STATE/speech"
PEER_REQUIREMENTS="$ROOT/workers/bench/requirements.txt"

cmd_bench() {
  local name="${1:-}"
  (($#)) && shift
  case "$name" in
    log | read) bench_database "$name" "$@" ;;
    speech) bench_speech "$@" ;;
    *)
      fail "there is no benchmark '$name'" \
        "there are: ./dev bench log | read [--rounds N] [--only NAME] [--events N,N]" \
        "           ./dev bench speech [--rounds N] [--shapes tiny,base] [--threads N]"
      ;;
  esac
}

bench_database() {
  local name="$1"
  shift
  take_lock
  set_steps 3
  step "checking the tools" tools ensure_tools
  step "PostgreSQL" postgres ensure_postgres
  step "building the benchmark" build-bench cargo build --release --package bench
  release_lock
  load_services
  export DATABASE_URL
  "${CARGO_TARGET_DIR:-$ROOT/target}/release/bench-$name" "$@"
}

bench_speech() {
  take_lock
  set_steps 4
  step "checking the tools" tools ensure_tools
  step "libtorch, the processor half" libtorch "$ROOT/scripts/libtorch.sh" "$ROOT/.libtorch"
  step "building the worker" build-bench cargo build --release --workspace --bin stentor-worker
  step "other Whispers" speech-peers ensure_peers
  release_lock
  # torch looks for the functions of CUDA when they are called, which they never are.
  PYTHONDONTWRITEBYTECODE=1 TORCH_USE_RTLD_GLOBAL=1 "$SPEECH/venv/bin/python" "$ROOT/workers/bench/peers.py" \
    --worker "${CARGO_TARGET_DIR:-$ROOT/target}/release/stentor-worker" --models "$SPEECH/models" "$@"
}

# The environment is complete when it holds the requirements that it was made from.
ensure_peers() {
  local python="$SPEECH/venv/bin/python" free_gb
  if cmp -s "$PEER_REQUIREMENTS" "$SPEECH/venv/requirements.txt"; then return 0; fi
  free_gb=$(($(df -Pk "$STATE" | awk 'NR==2 {print $4}') / 1048576))
  ((free_gb >= 6)) || give_up "$free_gb GB are free beside $STATE, the other Whispers and their models need 6" "make room"
  python3 -c 'import ensurepip' 2>/dev/null || install_packages python3-venv
  mkdir -p "$SPEECH"
  python3 -m venv "$SPEECH/venv"
  install_peers "$python"
  stub_cuda "$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/torch/lib"
  TORCH_USE_RTLD_GLOBAL=1 "$python" -c 'import torch' || give_up "torch cannot be loaded" \
    "remove $SPEECH/venv and run this again, or see .dev/logs/speech-peers.log"
  cp "$PEER_REQUIREMENTS" "$SPEECH/venv/requirements.txt"
}

# All at once, or else one by one, so that one package that fails takes no other peer with it.
install_peers() {
  local install=("$1" -m pip install --disable-pip-version-check --progress-bar off --no-deps) requirement
  "${install[@]}" --requirement "$PEER_REQUIREMENTS" && return 0
  while read -r requirement; do
    [[ "$requirement" =~ ^[a-z] ]] || continue
    "${install[@]}" "$requirement" || tell "$requirement cannot be installed: see .dev/logs/speech-peers.log"
  done <"$PEER_REQUIREMENTS"
}

# The wheel of torch is linked with CUDA's libraries, 3 GB that a processor never calls: empty ones will do.
stub_cuda() {
  local folder="$1" needed
  while read -r needed; do
    [[ -e "$folder/$needed" ]] && continue
    cc -shared -o "$folder/$needed" "-Wl,-soname,$needed" -x c /dev/null
  done < <(ldd "$folder"/libtorch_cuda.so "$folder"/libtorch_global_deps.so "$folder"/libtorch_python.so |
    awk '/=> not found/ {print $1}' | sort -u)
}
