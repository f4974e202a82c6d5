#!/usr/bin/env python3
"""Times planning alone: 10 bridges of 1,000 nodes against 100, from YAML text to the summary of the plan, in one run, interleaved.

    benches/plan.py [--rounds 3]

Each run is the whole process: parse, check, give addresses, lower, plan against an empty machine in memory. Needs no rights.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from race import NETSIM, ROOT


def topology(bridges):
    nodes = "".join(f"  n{b}-[1-1000]: {{}}\n  sw{b}: {{ kind: bridge, subnet: 10.{b}.0.0/16 }}\n" for b in range(1, bridges + 1))
    links = "".join(f'  - {{ endpoints: ["n{b}-[1-1000]", sw{b}] }}\n' for b in range(1, bridges + 1))
    return f"name: big\nnodes:\n{nodes}links:\n{links}"


def run(file, folder):
    """Seconds and peak resident MiB of one plan."""
    start = time.monotonic()
    child = subprocess.Popen([NETSIM, "--backend", "sim", "plan", file], stdout=subprocess.PIPE, text=True, env={**os.environ, "NETSIM_SIM": str(folder / "sim.json")})
    last = child.stdout.read().strip().splitlines()[-1]
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.monotonic() - start
    if status != 0:
        sys.exit(f"plan failed: {last}")
    return seconds, usage.ru_maxrss / 1024, last


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    subprocess.run(["cargo", "build", "--release", "-q", "-p", "netsim"], cwd=ROOT, check=True)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        runs = {10: [], 100: []}
        for bridges in runs:
            (folder / f"{bridges}.yaml").write_text(topology(bridges))
        for _ in range(args.rounds):
            for bridges, seen in runs.items():
                seen.append(run(folder / f"{bridges}.yaml", folder))
        print("| nodes | seconds | µs a node | peak MiB | plan |\n|---|---|---|---|---|")
        per_node = {}
        for bridges, seen in runs.items():
            seconds = statistics.median(s for s, _, _ in seen)
            per_node[bridges] = seconds / (bridges * 1000) * 1e6
            print(f"| {bridges * 1000:,} | {seconds:.2f} | {per_node[bridges]:.1f} | {max(m for _, m, _ in seen):.0f} | {seen[0][2]} |")
        print(f"\ntime a node, 100 bridges ÷ 10: {per_node[100] / per_node[10]:.2f}")


if __name__ == "__main__":
    main()
