"""A Slurm cluster of two nodes on this machine, from Debian's packages unpacked into a folder.

Nothing is installed and no service is touched: daemons run as the present user, listen on loopback, and
each node has process numbers and a host name of its own (unshare), so that killing its first process is
what pulling its plug would be.
"""
import getpass
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

PACKAGES = ["slurmd", "slurmctld", "slurm-client", "slurm-wlm-basic-plugins", "libmunge2", "libhwloc15"]
LIBRARIES = "usr/lib/x86_64-linux-gnu"

CONFIGURATION = """
ClusterName=box
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/none
CredType=cred/none
PluginDir={root}/{libraries}/slurm-wlm
StateSaveLocation={state}/ctld
SlurmctldPidFile={state}/ctld.pid
SlurmdPidFile={state}/slurmd.%n.pid
SlurmdSpoolDir={state}/spool.%n
SlurmctldLogFile={state}/ctld.log
SlurmdLogFile={state}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SwitchType=switch/none
MpiDefault=none
AccountingStorageType=accounting_storage/none
SchedulerType=sched/builtin
SlurmdTimeout=20
MessageTimeout=10
KillWait=5
ReturnToService=2
NodeName=n[1-2] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{first}-{last}] CPUs=1 State=UNKNOWN
PartitionName=all Nodes=n[1-2] Default=YES MaxTime=INFINITE State=UP
"""


def unpack(packages, folder):
    """Debian's packages, fetched by apt and unpacked into `folder`; once."""
    marker = folder / ".unpacked"
    if marker.exists() and marker.read_text() == " ".join(packages):
        return
    debs = folder / "debs"
    debs.mkdir(parents=True, exist_ok=True)
    subprocess.run(["apt-get", "-qq", "download", *packages], cwd=debs, check=True, stderr=subprocess.DEVNULL)
    for deb in debs.glob("*.deb"):
        subprocess.run(["dpkg", "-x", deb, folder], check=True)
    shutil.rmtree(debs)
    marker.write_text(" ".join(packages))


def free_ports(n):
    """`n` ports in a row that nobody listens on now."""
    for first in range(16800, 60000, n):
        try:
            held = [socket.create_server(("127.0.0.1", first + i)) for i in range(n)]
        except OSError:
            continue
        for s in held:
            s.close()
        return first
    raise RuntimeError("no free ports")


class Cluster:
    def __init__(self, root, state):
        self.root, self.state = Path(root), Path(state)
        unpack(PACKAGES, self.root)
        (self.state / "ctld").mkdir(parents=True)
        first = free_ports(3)
        conf = self.state / "slurm.conf"
        conf.write_text(CONFIGURATION.format(
            host=socket.gethostname(), port=first, first=first + 1, last=first + 2, user=getpass.getuser(),
            root=self.root, state=self.state, libraries=LIBRARIES))
        self.bin = self.state / "bin"  # under Debian's usual names
        self.bin.mkdir()
        for name in ("sbatch", "squeue", "scontrol", "srun", "sinfo", "scancel"):
            (self.bin / name).symlink_to(self.root / "usr/bin" / name)
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM", "SBATCH"))}
        self.env |= {"SLURM_CONF": str(conf), "PATH": f"{self.bin}:{os.environ['PATH']}",
                     "LD_LIBRARY_PATH": f"{self.root / LIBRARIES}:{self.root / LIBRARIES / 'slurm-wlm'}"}
        self.processes = {}
        self.start("ctld", [self.root / "usr/sbin/slurmctld-wlm", "-D", "-f", conf])
        self.conf = conf
        for node in ("n1", "n2"):
            self.start_node(node)
        self.wait(lambda: self.states() == {"n1": "idle", "n2": "idle"}, 30, "nodes that are idle")

    def start(self, name, command):
        log = open(self.state / f"{name}.out", "ab")
        self.processes[name] = subprocess.Popen([str(c) for c in command], env=self.env, stdout=log, stderr=log,
                                                stdin=subprocess.DEVNULL, start_new_session=True)

    def start_node(self, node):
        unshare = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--uts"]
        if os.geteuid() != 0:
            unshare += ["--user", "--map-root-user"]
        sbin = self.root / "usr/sbin"
        self.start(node, unshare + ["sh", "-c", f'hostname {node} && exec "$@"', "sh", sbin / "slurmd-wlm", "-D", "-N",
                                    node, "-d", sbin / "slurmstepd-wlm", "-f", self.conf])

    def kill_node(self, node):
        """SIGKILL for the node's daemon and all that runs there."""
        process = self.processes.pop(node)
        process.send_signal(signal.SIGKILL)  # of unshare; --kill-child takes the name space with it
        process.wait()

    def command(self, *words):
        done = subprocess.run([str(w) for w in words], env=self.env, capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise RuntimeError(f"{words}: {done.stderr}")
        return done.stdout

    def states(self):
        try:
            text = self.command("sinfo", "-h", "-N", "-o", "%N %t")
        except RuntimeError:
            return {}
        return dict(line.split() for line in text.splitlines())

    def jobs(self):
        """[(id, state, node or reason)] of what is not finished."""
        lines = self.command("squeue", "-h", "-r", "-o", "%i|%T|%R").splitlines()
        return [tuple(line.split("|")) for line in lines]

    def wait(self, condition, seconds, what):
        begin = time.monotonic()
        while not condition():
            if time.monotonic() - begin > seconds:
                raise RuntimeError(f"waited {seconds} s for {what}; nodes {self.states()}, jobs {self.jobs()}, "
                                   f"logs in {self.state}")
            for name, process in self.processes.items():
                if process.poll() is not None:
                    raise RuntimeError(f"{name} ended: {(self.state / (name + '.out')).read_text()[-2000:]}")
            time.sleep(0.5)
        return time.monotonic() - begin

    def log(self, pattern):
        """Lines of the controller's log that match."""
        return [l for l in (self.state / "ctld.log").read_text().splitlines() if re.search(pattern, l)]

    def stop(self):
        for process in self.processes.values():
            process.send_signal(signal.SIGKILL)
            process.wait()
        self.processes.clear()
