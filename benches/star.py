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
import subprocess
import sys
import tempfile
from pathlib import Path

import race
from race import FLOOR, lines, medians, quiet, timed, wait


def run_floor(n, _folder):
    create = timed(lambda: quiet([FLOOR, "create", str(n)]))
    destroy = timed(lambda: (quiet([FLOOR, "destroy"]), wait()))
    return {"create": create, "destroy": destroy}


def run_ip(n, folder, tuned):
    names = [f"s{i}" for i in range(1, n + 1)]
    spaces = lines(folder, "spaces", ["netns add sw", *(f"netns add {s}" for s in names)])
    wires = lines(folder, "wires", [f"link add name {s} netns sw type veth peer name eth0 netns {s}" for s in names])
    last, snooping, quiet_ipv6 = ("link set br0 up", "mcast_snooping 0", "addrgenmode none") if tuned else ("", "", "")
    switch = lines(folder, "switch", [
        f"link add br0 type bridge {snooping}",
        *([] if tuned else ["link set br0 up"]),
        *(f"link set {s} master br0 up" for s in names),
        last,
    ])
    nodes = [(s, race.node(folder, i, quiet_ipv6)) for i, s in enumerate(names, 1)]
    gone = lines(folder, "gone", [f"netns del {s}" for s in ["sw", *names]])

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


def run_pyroute2(n, folder):
    script = folder / "pyroute2_star.py"
    script.write_text(PYROUTE2)
    create = timed(lambda: quiet([sys.executable, script, str(n), "create"]))
    destroy = timed(lambda: (quiet([sys.executable, script, str(n), "destroy"]), wait()))
    return {"create": create, "destroy": destroy}


def run_netsim(n, folder):
    return race.by_netsim(n, folder, "kind: bridge", more_namespaces=1)


def run_mininet(n, folder):
    return race.by_mininet(n, folder, "from mininet.nodelib import LinuxBridge as switch")


CONTENDERS = {"floor": run_floor, "netsim": run_netsim, "ip-batch": lambda n, f: run_ip(n, f, tuned=False),
              "ip-tuned": lambda n, f: run_ip(n, f, tuned=True), "pyroute2": run_pyroute2, "mininet": run_mininet}


def inside(contender, nodes):
    """One run, in namespaces of its own."""
    again = [sys.executable, __file__, "--inside", contender, "--sizes", str(nodes)]
    argv = race.in_namespaces(again, users=contender != "mininet" or os.getuid() != 0)
    done = subprocess.run(argv, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{contender} with {nodes} nodes: exit {done.returncode}\n{done.stdout}")
    return json.loads(done.stdout.splitlines()[-1])


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
    parser = race.arguments(__doc__, "10,100,1000", CONTENDERS)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    args = parser.parse_args()
    sizes = [int(s) for s in args.sizes.split(",")]
    if args.inside:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(CONTENDERS[args.inside](sizes[0], Path(folder))))
        return
    race.build()
    results = race.run(race.installed(args.only), sizes, args.rounds, inside)
    head = f"Kernel {platform.release()}, {os.cpu_count()} cores, medians of {args.rounds} interleaved rounds, seconds.\n"
    race.say(head, race.table(results, "floor", lambda name: name not in ("floor", "netsim")), args.markdown)
    if args.plot:
        args.plot.write_text(plot(results, sizes))


if __name__ == "__main__":
    main()
