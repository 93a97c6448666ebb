#!/usr/bin/env bash
# Fetches the processor half of libtorch 2.11.0 out of PyPI's wheels: there is no CPU-only build
# of this version for Linux in the registries, and the whole wheel would pull in 3 GB of CUDA.
# May be interrupted and run again; a complete folder is left alone.
#
# usage: scripts/libtorch.sh [--check] FOLDER
set -euo pipefail

VERSION=2.11.0
LIBRARIES=(libtorch_cpu.so libc10.so libgomp.so.1 libcupti.so.13 libcudart.so.13 libtorch.so)
# requirement, file, SHA-256
WHEELS=(
  "nvidia-cuda-cupti==13.0.85 nvidia_cuda_cupti-13.0.85-py3-none-manylinux_2_25_x86_64.whl 4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8"
  "nvidia-cuda-runtime==13.0.96 nvidia_cuda_runtime-13.0.96-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl 7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548"
  "torch==2.11.0 torch-2.11.0-cp311-cp311-manylinux_2_28_x86_64.whl 7aa2f9bbc6d4595ba72138026b2074be1233186150e9292865e04b7a63b8c67a"
)

check_only=false
if [[ "${1:-}" == --check ]]; then
  check_only=true
  shift
fi
if (($# != 1)); then
  echo "usage: scripts/libtorch.sh [--check] FOLDER" >&2
  exit 2
fi
target="$1"

# 'build-version' is written last, so it stands for the whole.
complete() {
  local library
  [[ "$(cat "$target/build-version" 2>/dev/null)" == "$VERSION" && -d "$target/include/torch/csrc" ]] || return 1
  for library in "${LIBRARIES[@]}"; do [[ -s "$target/lib/$library" ]] || return 1; done
}

if [[ -n "${LIBTORCH:-}" ]]; then
  echo "libtorch is taken from LIBTORCH=$LIBTORCH"
  exit 0
fi
if complete; then
  echo "libtorch $VERSION is complete in $target"
  exit 0
fi
if $check_only; then
  echo "libtorch $VERSION is not in $target yet: ./dev up fetches it (about 540 MB)"
  exit 1
fi

if [[ "$(uname -sm)" != "Linux x86_64" ]]; then
  echo "these wheels are for Linux on x86-64, this is $(uname -sm): set LIBTORCH to a libtorch $VERSION of your own" >&2
  exit 1
fi
python3 -m pip --version >/dev/null 2>&1 || {
  echo "python3 has no pip: install Debian's package python3-pip" >&2
  exit 1
}
mkdir -p "$target"
free_kb="$(df -Pk "$target" | awk 'NR==2 {print $4}')"
if ((free_kb < 2000000)); then
  echo "about 2 GB are needed beside $target, $((free_kb / 1024)) MB are free: make room" >&2
  exit 1
fi

# Whole wheels stay here until the end, so that a second try fetches only what is missing.
wheels="$target/wheels"
mkdir -p "$wheels"

verified() { [[ -f "$wheels/$1" ]] && sha256sum --check --status <<<"$2  $wheels/$1"; }

for wheel in "${WHEELS[@]}"; do
  read -r requirement file digest <<<"$wheel"
  if verified "$file" "$digest"; then continue; fi
  echo "fetching $requirement"
  rm -f "${wheels:?}/$file"
  printf '%s --hash=sha256:%s\n' "$requirement" "$digest" >"$wheels/requirement.txt"
  # The build for CPython 3.11 holds the same libraries as the others: which Python runs pip does not matter.
  python3 -m pip download --disable-pip-version-check --progress-bar off --no-deps --require-hashes \
    --only-binary :all: --python-version 3.11 --implementation cp --abi cp311 --abi none \
    --platform manylinux_2_28_x86_64 --platform manylinux_2_25_x86_64 \
    --platform manylinux2014_x86_64 --platform manylinux_2_17_x86_64 \
    --dest "$wheels" --requirement "$wheels/requirement.txt"
  verified "$file" "$digest" || {
    echo "$file does not have the SHA-256 $digest: run this again, or report it when it happens twice" >&2
    exit 1
  }
done

echo "unpacking"
rm -rf "${target:?}/build-version" "${target:?}/lib" "${target:?}/include"
python3 - "$wheels" "$target" <<'PYTHON'
"""Takes the libraries and headers that a processor needs out of the wheels."""
import pathlib
import shutil
import sys
import zipfile

wheels, target = map(pathlib.Path, sys.argv[1:])
libraries = {"libtorch_cpu.so", "libc10.so", "libgomp.so.1", "libcupti.so.13", "libcudart.so.13"}
for wheel in sorted(wheels.glob("*.whl")):
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            path = pathlib.PurePosixPath(name)
            if path.name in libraries:
                place = target / "lib" / path.name
            elif name.startswith("torch/include/") and not name.endswith("/"):
                place = target / "include" / path.relative_to("torch/include")
            else:
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(name) as source, place.open("wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
PYTHON
# The wheel's own libtorch.so asks for libtorch_cuda.so.
ln -s libtorch_cpu.so "$target/lib/libtorch.so"
echo "$VERSION" >"$target/build-version"
complete || {
  echo "the wheels did not hold all of: ${LIBRARIES[*]}" >&2
  exit 1
}
rm -rf "$wheels"
echo "libtorch $VERSION is complete in $target"
