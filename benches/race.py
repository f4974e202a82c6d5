"""What the benches have in common: tools that make one lab in turn, and what is said of the times they took."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NETSIM = ROOT / "target/release/netsim"
FLOOR = ROOT / "target/floor"
PHASES = ["create", "no-op", "one more", "destroy"]


def build():
    (ROOT / "target").mkdir(exist_ok=True)
    quiet(["cargo", "build", "--release", "-q", "-p", "netsim"], cwd=ROOT)
    quiet(["cc", "-O2", "-Wall", "-o", FLOOR, ROOT / "benches/floor.c"])


def quiet(argv, **more):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    if done.returncode != 0:
        sys.exit(f"{argv}: exit {done.returncode}\n{done.stdout}")


def timed(action):
    start = time.monotonic()
    action()
    return time.monotonic() - start


def wait():
    """Until the kernel has freed everything."""
    quiet([FLOOR, "wait"])


def in_namespaces(argv, users):
    """These words, run in network, mount and process namespaces of their own with an empty /run, and in a user namespace if `users`."""
    unshare = ["unshare", f"-{'Ur' if users else ''}nmpf", "--mount-proc", "--propagation", "private", "--kill-child"]
    script = 'mount -t tmpfs tmpfs /run && mkdir -p /run/netns && ip link set lo up && exec "$@"'
    return [*unshare, "sh", "-c", script, "sh", *argv]


def no_namespaces():
    return not os.path.exists("/run/netns") or not os.listdir("/run/netns")


def lines(folder, name, text):
    """A file of these lines."""
    (folder / name).write_text("\n".join(text) + "\n")
    return folder / name


def star(nodes, switch):
    """A star's file; the switch is of these settings."""
    return f"""name: star
nodes:
  node[1-{nodes}]: {{ routes: [{{ to: default, via: 10.1.255.254 }}] }}
  sw: {{ {switch}, subnet: 10.1.0.0/16 }}
links:
  - {{ endpoints: ["node[1-{nodes}]", sw] }}
"""


def by_netsim(n, folder, switch, more_namespaces):
    """A star by netsim; it has this many namespaces beside those of the nodes."""
    lab, more = folder / "star.yaml", folder / "more.yaml"
    lab.write_text(star(n, switch))
    more.write_text(star(n + 1, switch))
    apply = lambda file: lambda: quiet([NETSIM, "--root", "-q", "apply", file])
    times = {"create": timed(apply(lab)), "no-op": timed(apply(lab)), "one more": timed(apply(more))}
    assert len(os.listdir("/run/netns")) == n + 1 + more_namespaces
    # It returns when everything is freed.
    times["destroy"] = timed(lambda: quiet([NETSIM, "--root", "-q", "destroy", "star"]))
    assert no_namespaces()
    return times


def node(folder, i, ipv6):
    """What `ip` does in one node of a star; `ipv6` is what is set of that on its device."""
    return lines(folder, f"node{i}", [
        "link set lo up",
        f"addr add 10.1.{i // 250}.{i % 250 + 1}/16 dev eth0",
        f"link set eth0 {ipv6} up",
        "route add default via 10.1.255.254",
    ])


MININET = """
import sys, time, json
from mininet.net import Mininet
from mininet.topo import SingleSwitchTopo
{switch}
start = time.monotonic()
net = Mininet(topo=SingleSwitchTopo(k=int(sys.argv[1])), switch=switch, controller=None, waitConnected=False)
net.start()
made = time.monotonic()
net.stop()
print(json.dumps({{'create': made - start, 'destroy': time.monotonic() - made}}))
"""


def by_mininet(n, folder, switch):
    """A star by Mininet; `switch` is Python that says what `switch` is."""
    script = folder / "mininet_star.py"
    script.write_text(MININET.format(switch=switch))
    done = subprocess.run(["/usr/bin/python3", script, str(n)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"mininet: {done.stderr}")
    times = json.loads(done.stdout.splitlines()[-1])
    times["destroy"] += timed(wait)
    return times


def arguments(description, sizes, contenders):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default=sizes)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default=",".join(contenders))
    parser.add_argument("--markdown", type=Path)
    return parser


def imports(python, module):
    return subprocess.run([python, "-c", f"import {module}"], stderr=subprocess.DEVNULL).returncode == 0


def installed(only):
    """Those of these contenders that are there; of the others it says that they are not."""
    modules = {"pyroute2": (sys.executable, "pyroute2"), "mininet": ("/usr/bin/python3", "mininet.net")}
    names = [n for n in only.split(",") if n not in modules or imports(*modules[n])]
    for name in set(only.split(",")) - set(names):
        print(f"not installed, left out: {name}", file=sys.stderr)
    return names


def run(names, sizes, rounds, once):
    """All rounds of all sizes: by size and name what `once(name, size)` gave."""
    results = {n: {name: [] for name in names} for n in sizes}
    for n in sizes:
        for round in range(rounds):
            for name in names:
                results[n][name].append(once(name, n))
                print(f"{n} nodes, round {round + 1}, {name}: {results[n][name][-1]}", file=sys.stderr)
    return results


def medians(runs):
    return {phase: statistics.median(r[phase] for r in runs) for phase in PHASES if phase in runs[0]}


def ratios(runs, base, phase, base_phase):
    return statistics.median(a[phase] / b[base_phase] for a, b in zip(runs, base))


def table(results, base, rivals, remarks=lambda _: []):
    """What came of it, beside the times of `base`: netsim is compared with those that `rivals` says; `remarks` are lines about one size."""
    text = []
    for n, of in results.items():
        bases, netsim = of.get(base), of.get("netsim")
        text += [f"### {n} nodes", "", "| tool | " + " | ".join(PHASES) + f" | create ÷ {base} | destroy ÷ {base} |", "|---|" + "---|" * (len(PHASES) + 2)]
        for name, runs in of.items():
            m = medians(runs)
            cells = [f"{m[p]:.3f}" if p in m else "–" for p in PHASES]
            over = [f"{ratios(runs, bases, p, p):.2f}" if bases else "–" for p in ("create", "destroy")]
            text.append(f"| {name} | " + " | ".join(cells + over) + " |")
        if netsim:
            text += remarks(of)
            text += ["", f"netsim: no-op ÷ create {ratios(netsim, netsim, 'no-op', 'create'):.3f}, one more ÷ create {ratios(netsim, netsim, 'one more', 'create'):.3f}"]
            text += [f"netsim creates {ratios(runs, netsim, 'create', 'create'):.1f} × faster than {name}" for name, runs in of.items() if rivals(name)]
        text.append("")
    return "\n".join(text)


def say(head, text, markdown):
    text = head + "\n" + text
    print(text)
    if markdown:
        markdown.write_text(text)
