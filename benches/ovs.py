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
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import race
from race import lines, quiet, ratios, timed, wait

DATAPATH = os.environ.get("NETSIM_BENCH_DATAPATH", "netdev")
VSCTL = ["ovs-vsctl", "--timeout=600"]


def run_netsim(n, folder):
    return race.by_netsim(n, folder, f"kind: ovs, datapath: {DATAPATH}", more_namespaces=0)


def run_by_hand(n, folder, at_once):
    names = [f"s{i}" for i in range(1, n + 1)]
    spaces = lines(folder, "spaces", [f"netns add {s}" for s in names])
    wires = lines(folder, "wires", [f"link add name {s} type veth peer name eth0 netns {s}" for s in names])
    up = lines(folder, "up", [f"link set {s} addrgenmode none up" for s in names])
    nodes = [(s, race.node(folder, i, "addrgenmode none")) for i, s in enumerate(names, 1)]
    gone = lines(folder, "gone", [f"netns del {s}" for s in names])
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


MININET = """from mininet.node import OVSSwitch
switch = lambda name, **more: OVSSwitch(name, datapath='{datapath}', failMode='standalone', **more)"""


def run_mininet(n, folder):
    return race.by_mininet(n, folder, MININET.format(datapath={"netdev": "user", "system": "kernel"}[DATAPATH]))


CONTENDERS = {"by-hand": lambda n, f: run_by_hand(n, f, at_once=True), "netsim": run_netsim,
              "each": lambda n, f: run_by_hand(n, f, at_once=False), "mininet": run_mininet}


def nothing_left():
    """That the next contender finds what this one found."""
    assert race.no_namespaces()
    for table in ("Bridge", "Port", "QoS"):
        left = subprocess.run([*VSCTL, "list", table], stdout=subprocess.PIPE, text=True, check=True).stdout
        assert not left.strip(), left


def once(name, nodes):
    with tempfile.TemporaryDirectory() as folder:
        times = CONTENDERS[name](nodes, Path(folder))
    nothing_left()
    return times


def remarks(of):
    """What by-hand's time goes to."""
    by_hand = of.get("by-hand")
    if not by_hand:
        return []
    alone = statistics.median(run["switch"] for run in by_hand)
    whole = ratios(of["netsim"], by_hand, "create", "switch")
    return ["", f"Of by-hand's create the one ovs-vsctl takes {alone:.3f}; all that netsim does takes {whole:.2f} × that"]


def inside(arguments):
    """This script again, in namespaces of its own and beside an Open vSwitch of its own."""
    again = [race.ROOT / "tests/bed/ovs", sys.executable, __file__, "--inside", *arguments]
    argv = race.in_namespaces(again, users=os.getuid() != 0)
    sys.exit(subprocess.run(argv).returncode)


def main():
    parser = race.arguments(__doc__, "20,100,1000", CONTENDERS)
    parser.add_argument("--datapath", choices=["netdev", "system"], default="netdev")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    sizes = [int(s) for s in args.sizes.split(",")]
    if not args.inside:
        os.environ["NETSIM_BENCH_DATAPATH"] = args.datapath
        race.build()
        inside(sys.argv[1:])
    results = race.run(race.installed(args.only), sizes, args.rounds, once)
    version = subprocess.run([*VSCTL, "--version"], stdout=subprocess.PIPE, text=True).stdout.split("\n")[0].split()[-1]
    head = f"Kernel {platform.release()}, Open vSwitch {version} ({DATAPATH}), {os.cpu_count()} cores, medians of {args.rounds} interleaved rounds, seconds.\n"
    race.say(head, race.table(results, "by-hand", lambda name: name != "netsim", remarks), args.markdown)


if __name__ == "__main__":
    main()
