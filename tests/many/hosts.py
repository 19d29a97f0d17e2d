"""Hosts that are reached by ssh: network name spaces with a daemon each, joined to this one by cables of their
own. Debian's openssh-server, unpacked; nothing outside these name spaces is touched.
"""
import os
import signal
import subprocess
import time
from pathlib import Path

PACKAGES = ["openssh-server", "libwrap0", "libnsl2"]
LIBRARIES = "usr/lib/x86_64-linux-gnu"

# What the daemon wants of a system, inside its own mounts: a folder, and two accounts without passwords.
START = """
set -e
mount -t tmpfs none /run
mkdir -p /run/sshd
mount --bind "$1/passwd" /etc/passwd
mount --bind "$1/shadow" /etc/shadow
hostname "$2"
ip link set lo up
for i in $(seq 100); do ip link show "v$2" >/dev/null 2>&1 && break; sleep 0.05; done
ip address add "$3/24" dev "v$2"
ip link set "v$2" up
exec "$4" -D -e -f "$1/sshd_config"
"""

CONFIGURATION = """
ListenAddress {address}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/key.pub
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
PidFile none
AcceptEnv TILLER_*
"""


class Hosts:
    """`names` as hosts; `logins` are what GNU parallel's --sshloginfile takes."""

    def __init__(self, root, folder, names):
        self.processes, self.logins = [], []
        folder.mkdir()
        for key in ("host_key", "key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key], check=True)
        home = Path.home()
        (folder / "passwd").write_text(f"root:x:0:0:root:{home}:/bin/bash\nsshd:x:101:65534::/run/sshd:/bin/false\n")
        (folder / "shadow").write_text("root:*:1:0:99999:7:::\nsshd:*:1:0:99999:7:::\n")
        env = os.environ | {"LD_LIBRARY_PATH": str(root / LIBRARIES)}
        for i, name in enumerate(names):
            own = folder / name
            own.mkdir()
            for file in ("passwd", "shadow"):
                (own / file).write_text((folder / file).read_text())
            address = f"10.91.{i}.2"
            (own / "sshd_config").write_text(CONFIGURATION.format(address=address, folder=folder))
            log = open(own / "log", "ab")
            process = subprocess.Popen(
                ["unshare", "--net", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", START, "sh", own, name, address,
                 root / "usr/sbin/sshd"], env=env, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
            self.processes.append(process)
            self.connect(process.pid, name, f"10.91.{i}.1")
            login = (f"ssh -i {folder / 'key'} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null "
                     f"-o LogLevel=ERROR root@{address}")
            self.wait(login.split(), own)
            self.logins.append("1/" + login)

    @staticmethod
    def connect(pid, name, address):
        """A cable from here into the name space of unshare's child."""
        children = Path(f"/proc/{pid}/task/{pid}/children")
        for _ in range(200):
            text = children.read_text().split()
            if text and os.readlink(f"/proc/{text[0]}/ns/net") != os.readlink("/proc/self/ns/net"):
                break
            time.sleep(0.02)
        for words in (["link", "add", f"h{name}", "type", "veth", "peer", "name", f"v{name}", "netns", text[0]],
                      ["address", "add", f"{address}/24", "dev", f"h{name}"], ["link", "set", f"h{name}", "up"]):
            subprocess.run(["ip", *words], check=True)

    @staticmethod
    def wait(login, own):
        for _ in range(50):
            done = subprocess.run([*login, "hostname"], capture_output=True, text=True)
            if done.returncode == 0:
                return
            time.sleep(0.2)
        raise RuntimeError(f"no ssh to {login[-1]}: {done.stderr} {(own / 'log').read_text()[-1000:]}")

    def stop(self):
        for process in self.processes:
            process.send_signal(signal.SIGKILL)
            process.wait()
