#!/usr/bin/env python3
"""Times a star of N namespaces on one bridge, made and removed by several tools in turn on this machine.

    benches/star.py [--sizes 10,100,1000] [--rounds 5] [--only floor,netsim] [--markdown FILE] [--plot FILE.svg]

Each run has user, network and mount namespaces of its own with an empty /run; nothing of the machine's network is touched.
Contenders run A, B, C, A, B, C, …; medians and the median of the ratios to the floor within each round are reported.

  floor     raw netlink in C, one thread: the fewest kernel operations that make the lab (benches/floor.c, built with cc)
  netsim    netsim apply, apply again, apply with one node more, destroy (built with cargo build --release)
  ip-batch  iproute2 by `ip -batch`, as it is usually written: the switch up first, the kernel's defaults for IPv6
  ip-tuned  the same by somebody who knows what is slow: no IPv6 link-local addresses, no snooping, the switch up last
  pyroute2  the usual Python script; left out where the module is not installed
  mininet   Mininet with Linux bridges; left out where it is not installed

A node has `lo` and `eth0` up, an address and a default route; the switch has one port a node. "destroy" ends when the
kernel has freed everything, not when the command returns.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NETSIM = ROOT / "target/release/netsim"
FLOOR = ROOT / "target/floor"
PHASES = ["create", "no-op", "one more", "destroy"]


def topology(nodes):
    return f"""name: star
nodes:
  node[1-{nodes}]: {{ routes: [{{ to: default, via: 10.1.255.254 }}] }}
  sw: {{ kind: bridge, subnet: 10.1.0.0/16 }}
links:
  - {{ endpoints: ["node[1-{nodes}]", sw] }}
"""


def quiet(argv, **more):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    if done.returncode != 0:
        sys.exit(f"{argv}: exit {done.returncode}\n{done.stdout}")


def timed(action):
    start = time.monotonic()
    action()
    return time.monotonic() - start


def wait():
    quiet([FLOOR, "wait"])


def run_floor(n, _folder):
    create = timed(lambda: quiet([FLOOR, "create", str(n)]))
    destroy = timed(lambda: (quiet([FLOOR, "destroy"]), wait()))
    return {"create": create, "destroy": destroy}


def run_netsim(n, folder):
    lab, more = folder / "star.yaml", folder / "more.yaml"
    lab.write_text(topology(n))
    more.write_text(topology(n + 1))
    apply = lambda file: lambda: quiet([NETSIM, "--root", "-q", "apply", file])
    times = {"create": timed(apply(lab)), "no-op": timed(apply(lab)), "one more": timed(apply(more))}
    assert len(os.listdir("/run/netns")) == n + 2
    # It returns when everything is freed.
    times["destroy"] = timed(lambda: quiet([NETSIM, "--root", "-q", "destroy", "star"]))
    assert not os.path.exists("/run/netns") or not os.listdir("/run/netns")
    return times


def run_ip(n, folder, tuned):
    def write(name, lines):
        (folder / name).write_text("\n".join(lines) + "\n")
        return folder / name

    names = [f"s{i}" for i in range(1, n + 1)]
    spaces = write("spaces", ["netns add sw", *(f"netns add {s}" for s in names)])
    wires = write("wires", [f"link add name {s} netns sw type veth peer name eth0 netns {s}" for s in names])
    last, snooping, quiet_ipv6 = ("link set br0 up", "mcast_snooping 0", "addrgenmode none") if tuned else ("", "", "")
    switch = write("switch", [
        f"link add br0 type bridge {snooping}",
        *([] if tuned else ["link set br0 up"]),
        *(f"link set {s} master br0 up" for s in names),
        last,
    ])
    node = lambda i: write(f"node{i}", [
        "link set lo up",
        f"addr add 10.1.{i // 250}.{i % 250 + 1}/16 dev eth0",
        f"link set eth0 {quiet_ipv6} up",
        "route add default via 10.1.255.254",
    ])
    nodes = [(s, node(i)) for i, s in enumerate(names, 1)]
    gone = write("gone", [f"netns del {s}" for s in ["sw", *names]])

    def create():
        quiet(["ip", "-batch", spaces])
        quiet(["ip", "-batch", wires])
        quiet(["ip", "-n", "sw", "-batch", switch])
        for name, file in nodes:
            quiet(["ip", "-n", name, "-batch", file])

    times = {"create": timed(create)}
    times["destroy"] = timed(lambda: (quiet(["ip", "-batch", gone]), wait()))
    return times


PYROUTE2 = """
import sys
from pyroute2 import NetNS, IPRoute, netns
n = int(sys.argv[1])
def create():
    netns.create('sw')
    sw = NetNS('sw')
    sw.link('add', ifname='br0', kind='bridge')
    br = sw.link_lookup(ifname='br0')[0]
    sw.link('set', index=br, state='up')
    ip = IPRoute()
    for i in range(1, n + 1):
        netns.create(f's{i}')
        ip.link('add', ifname=f'v{i}', kind='veth', peer={'ifname': 'eth0', 'net_ns_fd': f's{i}'})
        ip.link('set', index=ip.link_lookup(ifname=f'v{i}')[0], net_ns_fd='sw')
        port = sw.link_lookup(ifname=f'v{i}')[0]
        sw.link('set', index=port, master=br, state='up')
        with NetNS(f's{i}') as ns:
            ns.link('set', index=1, state='up')
            eth = ns.link_lookup(ifname='eth0')[0]
            ns.addr('add', index=eth, address=f'10.1.{i // 250}.{i % 250 + 1}', prefixlen=16)
            ns.link('set', index=eth, state='up')
            ns.route('add', dst='default', gateway='10.1.255.254')
    sw.close(); ip.close()
def destroy():
    for name in netns.listnetns():
        netns.remove(name)
create() if sys.argv[2] == 'create' else destroy()
"""

MININET = """
import sys, time, json
from mininet.net import Mininet
from mininet.nodelib import LinuxBridge
from mininet.topo import SingleSwitchTopo
start = time.monotonic()
net = Mininet(topo=SingleSwitchTopo(k=int(sys.argv[1])), switch=LinuxBridge, controller=None, waitConnected=False)
net.start()
made = time.monotonic()
net.stop()
print(json.dumps({'create': made - start, 'destroy': time.monotonic() - made}))
"""


def run_pyroute2(n, folder):
    script = folder / "pyroute2_star.py"
    script.write_text(PYROUTE2)
    create = timed(lambda: quiet([sys.executable, script, str(n), "create"]))
    destroy = timed(lambda: (quiet([sys.executable, script, str(n), "destroy"]), wait()))
    return {"create": create, "destroy": destroy}


def run_mininet(n, folder):
    script = folder / "mininet_star.py"
    script.write_text(MININET)
    python = "/usr/bin/python3"
    done = subprocess.run([python, script, str(n)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"mininet: {done.stderr}")
    times = json.loads(done.stdout.splitlines()[-1])
    times["destroy"] += timed(wait)
    return times


CONTENDERS = {"floor": run_floor, "netsim": run_netsim, "ip-batch": lambda n, f: run_ip(n, f, tuned=False),
              "ip-tuned": lambda n, f: run_ip(n, f, tuned=True), "pyroute2": run_pyroute2, "mininet": run_mininet}


def installed(name):
    if name == "pyroute2":
        return subprocess.run([sys.executable, "-c", "import pyroute2"], stderr=subprocess.DEVNULL).returncode == 0
    if name == "mininet":
        return subprocess.run(["/usr/bin/python3", "-c", "import mininet.net"], stderr=subprocess.DEVNULL).returncode == 0
    return True


def inside(contender, nodes):
    """One run, in namespaces of its own."""
    unshare = ["unshare", "-Urnmpf", "--mount-proc", "--propagation", "private", "--kill-child"]
    if contender == "mininet" and os.getuid() == 0:
        unshare = ["unshare", "-nmpf", "--mount-proc", "--propagation", "private", "--kill-child"]
    script = 'mount -t tmpfs tmpfs /run && mkdir -p /run/netns && ip link set lo up && exec "$@"'
    argv = [*unshare, "sh", "-c", script, "sh", sys.executable, __file__, "--inside", contender, "--sizes", str(nodes)]
    done = subprocess.run(argv, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{contender} with {nodes} nodes: exit {done.returncode}\n{done.stdout}")
    return json.loads(done.stdout.splitlines()[-1])


def build():
    (ROOT / "target").mkdir(exist_ok=True)
    quiet(["cargo", "build", "--release", "-q", "-p", "netsim"], cwd=ROOT)
    quiet(["cc", "-O2", "-Wall", "-o", FLOOR, ROOT / "benches/floor.c"])


def medians(runs):
    return {phase: statistics.median(r[phase] for r in runs) for phase in PHASES if phase in runs[0]}


def ratios(runs, base, phase, base_phase):
    return statistics.median(a[phase] / b[base_phase] for a, b in zip(runs, base))


def table(results, sizes):
    lines = []
    for n in sizes:
        floor = results[n].get("floor")
        lines += [f"### {n} nodes", "", "| tool | " + " | ".join(PHASES) + " | create ÷ floor | destroy ÷ floor |", "|---|" + "---|" * (len(PHASES) + 2)]
        for name, runs in results[n].items():
            m = medians(runs)
            cells = [f"{m[p]:.3f}" if p in m else "–" for p in PHASES]
            over = [f"{ratios(runs, floor, p, p):.2f}" if floor else "–" for p in ("create", "destroy")]
            lines.append(f"| {name} | " + " | ".join(cells + over) + " |")
        netsim = results[n].get("netsim")
        if netsim:
            lines += ["", f"netsim: no-op ÷ create {ratios(netsim, netsim, 'no-op', 'create'):.3f}, one more ÷ create {ratios(netsim, netsim, 'one more', 'create'):.3f}"]
            for other, runs in results[n].items():
                if other not in ("floor", "netsim"):
                    lines.append(f"netsim creates {ratios(runs, netsim, 'create', 'create'):.1f} × faster than {other}")
        lines.append("")
    return "\n".join(lines)


def plot(results, sizes):
    """Seconds to create over the number of nodes, both logarithmic, as SVG."""
    import math
    points = {}
    for n in sizes:
        for name, runs in results[n].items():
            points.setdefault(name, []).append((n, medians(runs)["create"]))
    times = [t for line in points.values() for _, t in line]
    low, high = math.log10(min(times)) - 0.1, math.log10(max(times)) + 0.1
    left, right = math.log10(min(sizes)), math.log10(max(sizes)) or 1
    x = lambda n: 70 + 430 * ((math.log10(n) - left) / ((right - left) or 1))
    y = lambda t: 300 - 260 * ((math.log10(t) - low) / (high - low))
    colours = ["#888888", "#0b6bcb", "#c2410c", "#15803d", "#7c3aed"]
    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="640" height="350" font-family="sans-serif" font-size="12">',
           '<rect width="640" height="350" fill="white"/>',
           '<text x="70" y="24" font-size="14">Seconds to create a star, by number of nodes</text>']
    for e in range(math.floor(low), math.ceil(high) + 1):
        if low <= e <= high:
            out.append(f'<line x1="70" x2="500" y1="{y(10**e):.0f}" y2="{y(10**e):.0f}" stroke="#dddddd"/><text x="62" y="{y(10**e)+4:.0f}" text-anchor="end">{10.0**e:g}</text>')
    for n in sizes:
        out.append(f'<text x="{x(n):.0f}" y="322" text-anchor="middle">{n}</text>')
    ends = sorted(((y(line[-1][1]), name) for name, line in points.items()))
    label = {}
    last = -99
    for at, name in ends:
        last = label[name] = max(at, last + 15)
    for colour, (name, line) in zip(colours, points.items()):
        path = " ".join(f"{x(n):.0f},{y(t):.0f}" for n, t in line)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{x(n):.0f}" cy="{y(t):.0f}" r="3" fill="{colour}"/>' for n, t in line]
        out.append(f'<text x="508" y="{label[name]+4:.0f}" fill="{colour}">{name}</text>')
    out.append("</svg>")
    return "\n".join(out) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10,100,1000")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default=",".join(CONTENDERS))
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    args = parser.parse_args()
    sizes = [int(s) for s in args.sizes.split(",")]
    if args.inside:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(CONTENDERS[args.inside](sizes[0], Path(folder))))
        return
    build()
    names = [n for n in args.only.split(",") if installed(n)]
    for name in set(args.only.split(",")) - set(names):
        print(f"not installed, left out: {name}", file=sys.stderr)
    results = {n: {name: [] for name in names} for n in sizes}
    for n in sizes:
        for round in range(args.rounds):
            for name in names:
                results[n][name].append(inside(name, n))
                print(f"{n} nodes, round {round + 1}, {name}: {results[n][name][-1]}", file=sys.stderr)
    head = f"Kernel {platform.release()}, {os.cpu_count()} cores, medians of {args.rounds} interleaved rounds, seconds.\n"
    text = head + "\n" + table(results, sizes)
    print(text)
    if args.markdown:
        args.markdown.write_text(text)
    if args.plot:
        args.plot.write_text(plot(results, sizes))


if __name__ == "__main__":
    main()
