# SPDX-License-Identifier: Apache-2.0
"""What the comparisons with Apache Kafka say: the machine, what a process uses, and spreads beside the peer's."""
import os
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TICKS = os.sysconf("SC_CLK_TCK")


def others_busy(seconds=1.0):
    """Cores that others keep busy, over a moment in which we do nothing."""

    def busy():
        with open("/proc/stat") as f:
            fields = [int(x) for x in f.readline().split()[1:]]
        return sum(fields[:3] + fields[5:8]) / TICKS

    before = busy()
    time.sleep(seconds)
    return (busy() - before) / seconds


def cpu_of(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_of(pid):
    """Megabytes: all that is resident, and its anonymous part."""
    with open(f"/proc/{pid}/status") as f:
        lines = dict(line.split(":", 1) for line in f if line.startswith(("VmRSS", "RssAnon")))
    return tuple(int(lines[key].split()[0]) / 1024 for key in ("VmRSS", "RssAnon"))


def say_machine(directory):
    def output(*args):
        return subprocess.run(args, capture_output=True, text=True).stdout.strip()

    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "")
    print(f"when {time.strftime('%FT%TZ', time.gmtime())}  commit {output('git', '-C', ROOT, 'rev-parse', '--short', 'HEAD')}")
    print(f"kernel {os.uname().release}  cpus {os.cpu_count()}  {model}")
    print("disk " + " ".join(output("findmnt", "-no", "SOURCE,FSTYPE,OPTIONS", "-T", directory).split()))
    print(f"load {open('/proc/loadavg').read().strip()}  others busy {others_busy():.2f} cores", flush=True)


def report(title, by_name, keys, apart=()):
    """A line for each broker: medians [minimum - maximum], and their ratio to Kafka's but for those `apart`."""
    print(f"== {title}")
    base = by_name.get("kafka", [])
    for name, runs in by_name.items():
        words = [f"{name:6s} n={len(runs)}"]
        for key in keys:
            values = [run[key] for run in runs if key in run]
            if not values:
                continue
            words.append(f"{key} {statistics.median(values):.4g} [{min(values):.4g}-{max(values):.4g}]")
            against = [run[key] for run in base if key in run]
            if against and name != "kafka" and name not in apart and statistics.median(against):
                words.append(f"x{statistics.median(values) / statistics.median(against):.3g}")
        print("  ".join(words))
    sys.stdout.flush()
