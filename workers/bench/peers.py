#!/usr/bin/env python3
"""Measures the worker beside other Whispers: the same random-weight models, sound, tokens and threads.

    python3 -m venv venv && venv/bin/pip install --no-deps -r workers/bench/requirements.txt
    venv/bin/python workers/bench/peers.py --worker target/release/stentor-worker --models FOLDER

`./dev bench speech` does both. A round runs every peer once, each in a process of its own that loads its model,
hears the window once for nothing and then a few times; the medians over the rounds are told. Ratios are taken
within a round. It ends with one JSON line per figure: `ratio` and `target` are such that higher is better.
A peer that does not run is named with its reason, and so is a figure that needs it.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

import models
import runners

ROOT = pathlib.Path(__file__).resolve().parents[2]
RECORDING = ROOT / "models/small/recordings/talk.wav"
OURS = "stentor-worker"
# The arithmetic that it finds faster on this processor, of which the peers have 8 bits.
QUICK = "stentor-worker auto"
PARTS = ("log_mel_ms", "encoder_ms", "decode_ms", "total_ms")
SEED = 1
# Times that a process hears the window in a round; the first one more is not counted.
REPEATS = 2


def progress(text):
    print(text, file=sys.stderr, flush=True)


class Missing(Exception):
    """Why a peer does not run."""


def command(name, folder, arguments):
    size = ["--threads", str(arguments.threads), "--tokens", str(arguments.tokens), "--rounds", str(REPEATS)]
    if name in (OURS, QUICK):
        model = str(folder / "hugging-face")
        kind = "auto" if name == QUICK else "float32"
        return [
            str(arguments.worker), "bench", str(RECORDING), "--model", model, "--compute-type", kind, "--json", *size]
    return [sys.executable, str(pathlib.Path(runners.__file__)), name, str(folder), str(RECORDING), *size]


def run(name, folder, arguments):
    """One process of one peer; its medians by part."""
    threads = str(arguments.threads)
    # Nobody may take more threads than it was given, nor ask the network for a model.
    environment = {**os.environ, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command(name, folder, arguments), env=environment, capture_output=True, text=True)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise Missing(said[-1].strip() if said else f"ended with {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


def rounds(arguments):
    """What every peer took, by shape and peer, a dictionary a round; and the reasons of those that do not run."""
    names = [OURS, QUICK, *runners.PEERS]
    taken = {shape: {name: [] for name in names} for shape in arguments.shapes}
    missing = {}
    for number in range(1, arguments.rounds + 1):
        for shape in arguments.shapes:
            folder = models.ready(arguments.models, shape, SEED)
            for name in names:
                if name in missing:
                    continue
                try:
                    times = run(name, folder, arguments)
                except Missing as reason:
                    if name in (OURS, QUICK):
                        sys.exit(f"the worker cannot be measured: {reason}")
                    missing[name] = str(reason)
                    progress(f"  {shape}: {name} is missing: {reason}")
                    continue
                taken[shape][name].append(times)
                progress(f"  round {number} of {arguments.rounds}, {shape}: {name}: {times['total_ms']:.0f} ms")
    # A peer that failed later than its first round is compared with nobody.
    for shape in taken.values():
        for name in missing:
            shape[name] = []
    return taken, missing


def median(times, part):
    return statistics.median(one[part] for one in times)


def table(taken, missing):
    print(f"{'shape':<6} {'peer':<20} {'log-mel':>8} {'encoder':>8} {'decode':>8} {'total':>8} {'ratio':>6}")
    for shape, peers in taken.items():
        base = median(peers[OURS], "total_ms")
        for name, times in peers.items():
            if not times:
                continue
            parts = [median(times, part) for part in PARTS]
            numbers = " ".join(f"{part:>8.1f}" for part in parts)
            print(f"{shape:<6} {name:<20} {numbers} {parts[-1] / base:>6.2f}")
    for name, reason in missing.items():
        print(f"missing: {name}: {reason}")


def figure(shape, peers, own_name, what, part, rivals, target):
    """Ours beside the fastest of `rivals` in one part."""
    ours = peers[own_name]
    found = {"work": f"{shape}: {what}", "value": round(median(ours, part), 3), "unit": "ms"}
    running = [name for name in rivals if peers[name]]
    if not running:
        return {**found, "baseline": None, "ratio": None, "target": target, "missing": ", ".join(rivals)}
    rival = min(running, key=lambda name: median(peers[name], part))
    ratios = [theirs[part] / own[part] for theirs, own in zip(peers[rival], ours)]
    return {
        **found, "baseline": round(median(peers[rival], part), 3), "ratio": round(statistics.median(ratios), 3),
        "target": target, "peer": rival, "rounds": len(ours),
    }


def figures(taken):
    for shape, peers in taken.items():
        precision = peers[OURS][0]["precision"]
        equal = [name for name, (theirs, _) in runners.PEERS.items() if theirs == precision]
        for what, part in (("encoder", "encoder_ms"), ("decode", "decode_ms")):
            yield figure(shape, peers, OURS, f"{what}, {precision}, beside the fastest", part, equal, 1.0)
        yield figure(shape, peers, OURS, f"total, {precision}, beside openai-whisper", "total_ms", ["openai-whisper"], 1.5)
        quick = peers[QUICK][0]["precision"]
        for what, part in (("encoder", "encoder_ms"), ("decode", "decode_ms"), ("total", "total_ms")):
            rival = "faster-whisper int8"
            yield figure(shape, peers, QUICK, f"{what}, {quick}, beside {rival}", part, [rival], 1.0)


def load():
    return "load " + ", ".join(f"{number:.1f}" for number in os.getloadavg())


def parsed():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worker", type=pathlib.Path, required=True, help="the program stentor-worker")
    parser.add_argument("--models", type=pathlib.Path, required=True, help="folder for models, kept for the next run")
    parser.add_argument("--shapes", default="tiny,base", help="shapes with commas between them")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--tokens", type=int, default=100)
    arguments = parser.parse_args()
    arguments.shapes = arguments.shapes.split(",")
    for shape in arguments.shapes:
        if shape not in models.SHAPES:
            parser.error(f"there is no shape {shape!r}; there are: {', '.join(models.SHAPES)}")
    for name in ("rounds", "threads", "tokens"):
        if getattr(arguments, name) < 1:
            parser.error(f"--{name} is 1 or more")
    if arguments.tokens > 220:
        parser.error("--tokens is at most 220: some peers read no longer text in a window")
    if not arguments.worker.is_file():
        parser.error(f"there is no {arguments.worker}: build it with cargo build --release --bin stentor-worker")
    return arguments


def main():
    arguments = parsed()
    before = load()
    taken, missing = rounds(arguments)
    print(f"30 s and {arguments.tokens} tokens, {arguments.threads} threads, {arguments.rounds} rounds, medians in ms")
    print(f"{before} at the beginning and {load()[5:]} at the end; ratio is the peer's total to ours")
    table(taken, missing)
    for found in figures(taken):
        print(json.dumps(found))


if __name__ == "__main__":
    main()
