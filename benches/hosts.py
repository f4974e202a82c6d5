#!/usr/bin/env python3
"""Times a lab of N nodes a host over three hosts, beside what each host's part costs when it is made locally on that host.

    benches/hosts.py [--nodes 100] [--rounds 5] [--netsim target/release/netsim] [--markdown FILE]

Needs root. The hosts are made by tests/bed/hosts: three machines with sshd that share this machine's cores and its kernel, so what a host does slows the
others down. That is why a host's part is timed in two ways. Runs go A, B, C, D, E, A, B, …; medians and medians of the ratios within each round are reported.

  alone     N nodes made locally on one host, the others idle
  at once   N nodes made locally on each of the three hosts by a netsim of its own, all started at the same moment, until the slowest is done
  all here  3 N nodes made locally on one machine
  logins    `ssh HOST true` to all three at once: what the connections cost without netsim
  hosts     3 N nodes made over three hosts by one `netsim apply` on a fourth machine, from no connection to the end of the last; then the same again, with
            nothing to do, and `netsim destroy`

A node has `lo` and `eth0` up and an address; there is one bridge, on each host a part of it, joined by VXLAN.
"""

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

from race import NETSIM, ROOT, quiet, timed

HOSTS = ["host1", "host2", "host3"]
FOLDER = Path("/run/bench")


def write(name, text):
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / name).write_text(text)


def part(nodes):
    return f"""name: part
nodes:
  n[1-{nodes}]: {{}}
  sw: {{ kind: bridge, subnet: 10.1.0.0/16 }}
links:
  - {{ endpoints: ["n[1-{nodes}]", sw] }}
"""


def whole(nodes):
    hosts = "".join(f"  {host}: {{ ssh: {host} }}\n" for host in HOSTS)
    groups = "".join(f"  n[{i * nodes + 1}-{(i + 1) * nodes}]: {{ host: {host} }}\n" for i, host in enumerate(HOSTS))
    return f"""name: whole
hosts:
{hosts}nodes:
{groups}  sw: {{ kind: bridge, hosts: [{", ".join(HOSTS)}], subnet: 10.1.0.0/16 }}
links:
  - {{ endpoints: ["n[1-{3 * nodes}]", sw] }}
"""


def pid_of(host):
    outer = Path(f"/run/bed/{host}.pid").read_text().strip()
    return subprocess.run(["pgrep", "-P", outer], stdout=subprocess.PIPE, text=True).stdout.split()[0]


def on(host, argv):
    """A program on a host's own console, without SSH."""
    return ["nsenter", "-t", pid_of(host), "-a", *argv]


def logins():
    started = [subprocess.Popen(["ssh", "-T", host, "true"], stdin=subprocess.DEVNULL) for host in HOSTS]
    if any([child.wait() for child in started]):
        sys.exit("a login failed")


def once(netsim, nodes):
    command = lambda *words: [netsim, "--root", "-q", *words]
    with_stdin = lambda host, *words: on(host, ["sh", "-c", 'cat >/run/part.yaml; exec "$@"', "sh", *command(*words)])

    def local(hosts):
        text = part(nodes)
        started = []
        for host in hosts:
            child = subprocess.Popen(with_stdin(host, "apply", "/run/part.yaml"), stdin=subprocess.PIPE, text=True)
            child.stdin.write(text)
            started.append(child)
        for child in started:
            child.stdin.close()
        for child in started:
            if child.wait() != 0:
                sys.exit("a local apply failed")

    def clean(hosts):
        for host in hosts:
            quiet(on(host, command("destroy", "part")))

    times = {"alone": timed(lambda: local(HOSTS[:1]))}
    clean(HOSTS[:1])
    times["at once"] = timed(lambda: local(HOSTS))
    clean(HOSTS)
    write("all.yaml", part(3 * nodes))
    times["all here"] = timed(lambda: quiet(command("apply", FOLDER / "all.yaml")))
    quiet(command("destroy", "part"))
    times["logins"] = timed(logins)
    write("whole.yaml", whole(nodes))
    apply = command("apply", FOLDER / "whole.yaml", "--agent", netsim)
    times["hosts"] = timed(lambda: quiet(apply))
    times["made"] = times["hosts"] - times["logins"]
    times["no-op"] = timed(lambda: quiet(apply))
    times["destroy"] = timed(lambda: quiet(command("destroy", "whole", "--agent", netsim)))
    return times


def table(rounds, nodes):
    median = lambda name: statistics.median(times[name] for times in rounds)
    ratio = lambda name, of: statistics.median(times[name] / times[of] for times in rounds)
    lines = ["| | seconds | ÷ at once | ÷ alone | ÷ all here |", "|---|---:|---:|---:|---:|"]
    names = {"alone": f"alone: {nodes} nodes on one host", "at once": f"at once: {nodes} nodes on each, locally",
             "all here": f"all here: {3 * nodes} nodes on one machine", "hosts": f"**hosts: {3 * nodes} nodes over three, by one apply**",
             "made": "the same without what the logins cost", "logins": "logins: `ssh HOST true` to all three",
             "no-op": "the same again, nothing to do", "destroy": "destroy"}
    for name, what in names.items():
        ratios = " | ".join(f"{ratio(name, of):.2f}" for of in ["at once", "alone", "all here"])
        lines.append(f"| {what} | {median(name):.3f} | {ratios} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    parser.add_argument("--nodes", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--netsim", type=Path, default=NETSIM)
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    netsim = args.netsim.resolve()
    if not args.inside:
        argv = [ROOT / "tests/bed/hosts", "3", sys.executable, *sys.argv, "--inside"]
        os.execv(argv[0], [str(a) for a in argv])
    os.environ["XDG_STATE_HOME"] = "/run/state"
    os.environ.pop("XDG_RUNTIME_DIR", None)
    # The first one also learns the hosts' keys.
    logins()
    rounds = []
    for n in range(args.rounds):
        rounds.append(once(netsim, args.nodes))
        told = ", ".join(f"{name} {seconds:.3f}" for name, seconds in rounds[-1].items())
        print(f"round {n + 1} of {args.rounds}: {told}", file=sys.stderr)
    text = table(rounds, args.nodes)
    print(text)
    if args.markdown:
        args.markdown.write_text(text + "\n")


if __name__ == "__main__":
    main()
