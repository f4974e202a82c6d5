#!/usr/bin/env python3
"""Times a star of N namespaces on one switch of Open vSwitch, made and removed by several tools in turn on the same daemon.

    benches/ovs.py [--sizes 20,100,1000] [--rounds 5] [--only netsim,by-hand] [--datapath netdev] [--markdown FILE]

Everything runs in network and mount namespaces of its own with an empty /run, beside an Open vSwitch of its own (tests/bed/ovs); nothing of the
machine's network is touched. Contenders run A, B, C, A, B, C, …; medians and the median of the ratios within each round are reported.

  netsim    netsim apply, apply again, apply with one node more, destroy (built with cargo build --release)
  by-hand   iproute2 by `ip -batch`, and all ports by one ovs-vsctl: what somebody writes who knows what is slow
  each      the same with one ovs-vsctl a port, as it is usually written
  mininet   Mininet with OVSSwitch; left out where it is not installed

A node has `lo` and `eth0` up, an address and a default route; the switch has one port a node. netsim alone turns off what keeps TCP from passing the
datapath in user space (transmit checksums), a call for each node. "destroy" ends when the kernel has freed everything, not when the command returns.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import star
from star import NETSIM, ROOT, quiet, ratios, timed, wait

DATAPATH = os.environ.get("NETSIM_BENCH_DATAPATH", "netdev")
VSCTL = ["ovs-vsctl", "--timeout=600"]


def topology(nodes):
    return f"""name: star
nodes:
  node[1-{nodes}]: {{ routes: [{{ to: default, via: 10.1.255.254 }}] }}
  sw: {{ kind: ovs, datapath: {DATAPATH}, subnet: 10.1.0.0/16 }}
links:
  - {{ endpoints: ["node[1-{nodes}]", sw] }}
"""


def run_netsim(n, folder):
    lab, more = folder / "star.yaml", folder / "more.yaml"
    lab.write_text(topology(n))
    more.write_text(topology(n + 1))
    apply = lambda file: lambda: quiet([NETSIM, "--root", "-q", "apply", file])
    times = {"create": timed(apply(lab)), "no-op": timed(apply(lab)), "one more": timed(apply(more))}
    assert len(os.listdir("/run/netns")) == n + 1
    times["destroy"] = timed(lambda: quiet([NETSIM, "--root", "-q", "destroy", "star"]))
    return times


def run_by_hand(n, folder, at_once):
    def write(name, lines):
        (folder / name).write_text("\n".join(lines) + "\n")
        return folder / name

    names = [f"s{i}" for i in range(1, n + 1)]
    spaces = write("spaces", [f"netns add {s}" for s in names])
    wires = write("wires", [f"link add name {s} type veth peer name eth0 netns {s}" for s in names])
    up = write("up", [f"link set {s} addrgenmode none up" for s in names])
    nodes = [(s, write(f"node{i}", [
        "link set lo up",
        f"addr add 10.1.{i // 250}.{i % 250 + 1}/16 dev eth0",
        "link set eth0 addrgenmode none up",
        "route add default via 10.1.255.254",
    ])) for i, s in enumerate(names, 1)]
    gone = write("gone", [f"netns del {s}" for s in names])
    bridge = ["--", "add-br", "sw", "--", "set", "Bridge", "sw", f"datapath_type={DATAPATH}"]
    ports = [["--", "add-port", "sw", s] for s in names]

    def switch():
        if at_once:
            quiet([*VSCTL, *bridge, *[word for port in ports for word in port]])
        else:
            quiet([*VSCTL, *bridge])
            for port in ports:
                quiet([*VSCTL, *port])

    def devices():
        quiet(["ip", "-batch", spaces])
        quiet(["ip", "-batch", wires])
        quiet(["ip", "-batch", up])
        for name, file in nodes:
            quiet(["ip", "-n", name, "-batch", file])

    def destroy():
        quiet([*VSCTL, "del-br", "sw"])
        quiet(["ip", "-batch", gone])
        wait()

    times = {"devices": timed(devices), "switch": timed(switch)}
    return {**times, "create": sum(times.values()), "destroy": timed(destroy)}


MININET = """
import sys, time, json
from mininet.net import Mininet
from mininet.node import OVSSwitch
from mininet.topo import SingleSwitchTopo
datapath = {'netdev': 'user', 'system': 'kernel'}[sys.argv[2]]
switch = lambda name, **more: OVSSwitch(name, datapath=datapath, failMode='standalone', **more)
start = time.monotonic()
net = Mininet(topo=SingleSwitchTopo(k=int(sys.argv[1])), switch=switch, controller=None, waitConnected=False)
net.start()
made = time.monotonic()
net.stop()
print(json.dumps({'create': made - start, 'destroy': time.monotonic() - made}))
"""


def run_mininet(n, folder):
    script = folder / "mininet_star.py"
    script.write_text(MININET)
    done = subprocess.run(["/usr/bin/python3", script, str(n), DATAPATH], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"mininet: {done.stderr}")
    times = json.loads(done.stdout.splitlines()[-1])
    times["destroy"] += timed(wait)
    return times


CONTENDERS = {"by-hand": lambda n, f: run_by_hand(n, f, at_once=True), "netsim": run_netsim,
              "each": lambda n, f: run_by_hand(n, f, at_once=False), "mininet": run_mininet}


def nothing_left():
    """That the next contender finds what this one found."""
    assert not os.path.exists("/run/netns") or not os.listdir("/run/netns")
    for table in ("Bridge", "Port", "QoS"):
        left = subprocess.run([*VSCTL, "list", table], stdout=subprocess.PIPE, text=True, check=True).stdout
        assert not left.strip(), left


def measure(args, names, sizes):
    """All rounds of all sizes, beside one Open vSwitch."""
    results = {n: {name: [] for name in names} for n in sizes}
    for n in sizes:
        for round in range(args.rounds):
            for name in names:
                with tempfile.TemporaryDirectory() as folder:
                    results[n][name].append(CONTENDERS[name](n, Path(folder)))
                nothing_left()
                print(f"{n} nodes, round {round + 1}, {name}: {results[n][name][-1]}", file=sys.stderr)
    return results


def table(results, sizes):
    lines = []
    for n in sizes:
        by_hand, netsim = results[n].get("by-hand"), results[n].get("netsim")
        lines += [f"### {n} nodes", "", "| tool | " + " | ".join(star.PHASES) + " | create ÷ by-hand | destroy ÷ by-hand |", "|---|" + "---|" * (len(star.PHASES) + 2)]
        for name, runs in results[n].items():
            m = star.medians(runs)
            cells = [f"{m[p]:.3f}" if p in m else "–" for p in star.PHASES]
            over = [f"{ratios(runs, by_hand, p, p):.2f}" if by_hand else "–" for p in ("create", "destroy")]
            lines.append(f"| {name} | " + " | ".join(cells + over) + " |")
        if netsim:
            if by_hand:
                alone = statistics.median(run["switch"] for run in by_hand)
                lines += ["", f"Of by-hand's create the one ovs-vsctl takes {alone:.3f}; all that netsim does takes {ratios(netsim, by_hand, 'create', 'switch'):.2f} × that"]
            lines += ["", f"netsim: no-op ÷ create {ratios(netsim, netsim, 'no-op', 'create'):.3f}, one more ÷ create {ratios(netsim, netsim, 'one more', 'create'):.3f}"]
            for other, runs in results[n].items():
                if other != "netsim":
                    lines.append(f"netsim creates {ratios(runs, netsim, 'create', 'create'):.1f} × faster than {other}")
        lines.append("")
    return "\n".join(lines)


def inside(arguments):
    """This script again, in namespaces of its own and beside an Open vSwitch of its own."""
    users = "" if os.getuid() == 0 else "Ur"
    unshare = ["unshare", f"-{users}nmpf", "--mount-proc", "--propagation", "private", "--kill-child"]
    script = 'mount -t tmpfs tmpfs /run && mkdir -p /run/netns && ip link set lo up && exec "$@"'
    argv = [*unshare, "sh", "-c", script, "sh", ROOT / "tests/bed/ovs", sys.executable, __file__, "--inside", *arguments]
    sys.exit(subprocess.run(argv).returncode)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="20,100,1000")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default=",".join(CONTENDERS))
    parser.add_argument("--datapath", choices=["netdev", "system"], default="netdev")
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    sizes = [int(s) for s in args.sizes.split(",")]
    if not args.inside:
        os.environ["NETSIM_BENCH_DATAPATH"] = args.datapath
        star.build()
        inside(sys.argv[1:])
    names = [n for n in args.only.split(",") if star.installed(n)]
    for name in set(args.only.split(",")) - set(names):
        print(f"not installed, left out: {name}", file=sys.stderr)
    results = measure(args, names, sizes)
    version = subprocess.run([*VSCTL, "--version"], stdout=subprocess.PIPE, text=True).stdout.split("\n")[0].split()[-1]
    head = f"Kernel {platform.release()}, Open vSwitch {version} ({DATAPATH}), {os.cpu_count()} cores, medians of {args.rounds} interleaved rounds, seconds.\n"
    text = head + "\n" + table(results, sizes)
    print(text)
    if args.markdown:
        args.markdown.write_text(text)


if __name__ == "__main__":
    main()
