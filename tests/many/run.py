#!/usr/bin/env python3
"""Studies on many machines, for real: Slurm, its ranks, OpenMPI's, GNU parallel.

Usage: run.py --tiller PROGRAM --study PROGRAM [--cache FOLDER] [--tokens N] [--keep] [CASE...]

Cases: slurm    an array over two nodes, merged by its own job (half a minute)
       kill     the same, and one node killed in the middle (two minutes)
       srun     ranks of one Slurm job
       mpirun   OpenMPI's ranks
       parallel GNU parallel on this machine
       ssh      GNU parallel over ssh, between two network name spaces

Each carries out the same small study in shards and compares every byte of the merged run with a run in one
piece. Debian's packages are unpacked into the cache folder; nothing is installed. All of it runs in a network
name space of its own, so that nothing is reached and nobody reaches it.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import hosts  # noqa: E402
import slurm  # noqa: E402

MPI_PACKAGES = ["openmpi-bin", "openmpi-common", "libopenmpi3", "libevent-core-2.1-7", "libevent-pthreads-2.1-7",
                "libfabric1", "libhwloc15", "libibverbs1", "libnl-3-200", "libnl-route-3-200", "libpmix2",
                "libpsm-infinipath1", "libpsm2-2", "libucx0", "libmunge2", "librdmacm1", "libnuma1"]
NOT_COMPARED = {"cost.jsonl", ".lock"}  # times; a lock


class Study:
    def __init__(self, options, folder, tokens):
        self.tiller, self.folder = options.tiller, folder
        subprocess.run([options.study, folder, str(tokens)], check=True)
        self.env = os.environ | {"TILLER_CACHE_DIR": str(folder / "cache"), "OMP_WAIT_POLICY": "passive"}

    def run_tiller(self, *words, env=None, check=True, **more):
        done = subprocess.run([self.tiller, *map(str, words)], env=env or self.env, cwd=self.folder, text=True,
                              capture_output=True, **more)
        if check and done.returncode != 0:
            raise RuntimeError(f"tiller {words}: exit code {done.returncode}\n{done.stderr}")
        return done

    def whole(self, run):
        """The run in one piece, with the command that the shards have without their shard."""
        begin = time.monotonic()
        self.run_tiller("compare", "--plan", run / "plan.toml", "-o", run, "--threads", "1")
        return time.monotonic() - begin


def files_of(run):
    return {str(f.relative_to(run)): f.read_bytes() for f in sorted(run.rglob("*")) if f.is_file()}


def compare_with_whole(study, run, ours):
    """Every file that a run in one piece leaves has the same bytes in the merged one, which lies in the same
    folder (its name is in the reports): the merged one is moved away first."""
    merged = files_of(run)
    shutil.rmtree(run)
    run.mkdir()
    (run / "plan.toml").write_bytes(merged["plan.toml"])
    seconds = study.whole(run)
    whole = files_of(run)
    for name, data in whole.items():
        if name in NOT_COMPARED or name.startswith("report."):
            continue
        if merged.get(name) != data:
            raise RuntimeError(f"{name} of the merged run differs from that of the run in one piece")
    extra = {n for n in merged if n not in whole and not n.startswith(("workers/", "slurm/")) and n not in ours}
    if extra:
        raise RuntimeError(f"the merged run has further files: {extra}")
    # Reports hold times, so what stands in them of the records is compared through summary.json and the CSV.
    return len([n for n in whole if n not in NOT_COMPARED and not n.startswith("report.")]), seconds


def cluster_of(options, folder):
    return slurm.Cluster(options.cache / "slurm", folder / "slurm-state")


def submit(study, cluster, run, n_shard):
    env = study.env | cluster.env
    return study.run_tiller("submit", "--slurm", "-N", n_shard, "--plan", study.folder / "plan.toml", "-o", run,
                            "--threads", "1", env=env).stdout


SCRIPTS = {"submit.sh", "shards.sh", "merge.sh", "joblog"}


def units_of(attempt):
    """Finished units in a worker's journal."""
    lines = map(json.loads, (attempt / "records.jsonl").read_text().splitlines())
    return {line["unit"] for line in lines if "end" in line}


def case_slurm(options, folder, kill=False):
    study = Study(options, folder / "study", 140 if kill else options.tokens)
    run = folder / "run"
    cluster = cluster_of(options, folder)
    try:
        begin = time.monotonic()
        print(submit(study, cluster, run, 4).strip())
        said = ""
        if kill:
            said = kill_node(cluster, study, run)
        cluster.wait(lambda: not cluster.jobs(), 420, "the jobs' end")
        seconds = time.monotonic() - begin
    finally:
        cluster.stop()
    log = (run / "slurm/merge.log").read_text()
    if "Merged 8 blocks" not in log:
        raise RuntimeError(f"the merge job said: {log}")
    hosts = {json.loads(f.read_text())["host"] for f in run.rglob("worker.json")}
    if hosts != {"n1", "n2"}:
        raise RuntimeError(f"workers ran on {hosts}")
    attempts = sorted(str(f.parent.relative_to(run / "workers")) for f in run.rglob("worker.json"))
    if kill:
        again = [run / "workers" / a for a in attempts if a.endswith("attempt-2")]
        if not again:
            raise RuntimeError(f"no shard was started again: {attempts}")
        for attempt in again:
            twice = units_of(attempt) & units_of(attempt.with_name("attempt-1"))
            if twice or not units_of(attempt.with_name("attempt-1")):
                raise RuntimeError(f"{attempt}: computed again: {twice}")
    n, whole = compare_with_whole(study, run, SCRIPTS)
    return f"{n} files equal; {seconds:.1f} s on two nodes, {whole:.1f} s in one piece; {len(attempts)} attempts{said}"


def kill_node(cluster, study, run):
    """Kills n2 when it has finished units of a block that it has not finished."""
    def at_work():
        status = json.loads(study.run_tiller("status", run, "--json", check=False).stdout or "{}")
        return any(b["state"] == "running" and b["host"] == "n2" and b["units"] >= 2
                   for b in status.get("blocks", []))
    cluster.wait(at_work, 120, "a block half done on n2")
    status = json.loads(study.run_tiller("status", run, "--json").stdout)
    half = [b for b in status["blocks"] if b["host"] == "n2" and b["state"] == "running"]
    begin = time.monotonic()
    cluster.kill_node("n2")
    cluster.wait(lambda: cluster.log("requeue job .* due to failure of node n2"), 120, "the requeue")
    requeued = time.monotonic() - begin
    # Slurm holds a requeued job for two minutes; an operator need not wait.
    def held():
        return [job for job, _, reason in cluster.jobs() if reason.strip("()") == "BeginTime"]
    cluster.wait(held, 30, "the requeued job in the queue")
    for job in held():
        cluster.command("scontrol", "update", f"JobId={job}", "StartTime=now")
    left = sum(b["units"] for b in half)
    return f"; n2 killed with {left} units of a block done, its shard requeued after {requeued:.0f} s"


def case_kill(options, folder):
    return case_slurm(options, folder, kill=True)


def merged_by_hand(study, run):
    study.run_tiller("merge", run, "--quiet")
    return compare_with_whole(study, run, SCRIPTS)[0]


def shards_by(study, run, command, env=None):
    run.mkdir()
    shutil.copy(study.folder / "plan.toml", run / "plan.toml")
    done = subprocess.run([*command, study.tiller, "compare", "--plan", run / "plan.toml", "-o", run, "--threads",
                           "1", "--shard", "auto"], env=env or study.env, capture_output=True, text=True,
                          cwd=study.folder)
    if done.returncode != 0:
        raise RuntimeError(f"{command}: {done.stdout}{done.stderr}")
    return sorted(d.name for d in (run / "workers").iterdir())


def case_srun(options, folder):
    study, run = Study(options, folder / "study", 40), folder / "run"
    cluster = cluster_of(options, folder)
    try:
        shards = shards_by(study, run, [cluster.bin / "srun", "-n", "2"], study.env | cluster.env)
    finally:
        cluster.stop()
    if shards != ["0-of-2", "1-of-2"]:
        raise RuntimeError(f"shards {shards}")
    return f"{merged_by_hand(study, run)} files equal; shards {shards}"


def case_mpirun(options, folder):
    study, run = Study(options, folder / "study", 40), folder / "run"
    root = options.cache / "openmpi"
    env = study.env | {"OPAL_PREFIX": str(root / "usr"), "LD_LIBRARY_PATH": str(root / slurm.LIBRARIES)}
    command = [root / "usr/bin/mpirun.openmpi", "--oversubscribe", "-n", "3"]
    if os.geteuid() == 0:
        command.insert(1, "--allow-run-as-root")
    shards = shards_by(study, run, command, env)
    if shards != ["0-of-3", "1-of-3", "2-of-3"]:
        raise RuntimeError(f"shards {shards}")
    return f"{merged_by_hand(study, run)} files equal; shards {shards}"


def parallel_path(options):
    """GNU parallel from Debian's package, which is a Perl script."""
    return f"{options.cache / 'parallel/usr/bin'}:{os.environ['PATH']}"


def run_parallel(study, run, hosts, options, more=()):
    (study.folder / "hosts.txt").write_text(hosts)
    env = study.env | {"PATH": parallel_path(options), "HOME": str(study.folder)}
    return study.run_tiller("submit", "--ssh", study.folder / "hosts.txt", "-N", "3", "--plan",
                            study.folder / "plan.toml", "-o", run, "--threads", "1", *more, env=env, check=False)


def case_parallel(options, folder):
    study, run = Study(options, folder / "study", 40), folder / "run"
    # A folder that nobody can write to keeps one shard from its work at first.
    (run / "workers").mkdir(parents=True)
    (run / "workers/1-of-3").write_text("in the way")
    first = run_parallel(study, run, ":\n", options)
    if first.returncode == 0 or (run / "records.jsonl").exists():
        raise RuntimeError("a shard that failed was not noticed")
    (run / "workers/1-of-3").unlink()
    second = run_parallel(study, run, ":\n", options)
    if second.returncode != 0:
        raise RuntimeError(f"second start: {second.stdout}{second.stderr}")
    attempts = sorted(str(f.parent.relative_to(run / "workers")) for f in run.rglob("worker.json"))
    if attempts != ["0-of-3/attempt-1", "1-of-3/attempt-1", "2-of-3/attempt-1"]:
        raise RuntimeError(f"attempts {attempts}: only the shard that failed should run again")
    n, _ = compare_with_whole(study, run, SCRIPTS)
    return f"{n} files equal; one shard failed, and it alone was run again"


def case_ssh(options, folder):
    study, run = Study(options, folder / "study", 40), folder / "run"
    there = hosts.Hosts(options.cache / "ssh", folder / "hosts", ["n1", "n2"])
    try:
        done = run_parallel(study, run, "".join(login + "\n" for login in there.logins), options)
    finally:
        there.stop()
    if done.returncode != 0:
        raise RuntimeError(f"{done.stdout}{done.stderr}")
    names = {json.loads(f.read_text())["host"] for f in run.rglob("worker.json")}
    if names != {"n1", "n2"}:
        raise RuntimeError(f"workers ran on {names}")
    n, _ = compare_with_whole(study, run, SCRIPTS)
    return f"{n} files equal; shards ran on {sorted(names)}"


CASES = {"slurm": case_slurm, "kill": case_kill, "srun": case_srun, "mpirun": case_mpirun,
         "parallel": case_parallel, "ssh": case_ssh}


def own_network(argv):
    """This program again, in a network name space where there is only loopback."""
    unshare = ["unshare", "--net"] + ([] if os.geteuid() == 0 else ["--user", "--map-root-user"])
    os.environ["TILLER_MANY_NETWORK"] = "own"
    # Slurm looks for its own address with AI_ADDRCONFIG, for which loopback does not count: a cable to nowhere.
    network = ("ip link set lo up && ip link add here type veth peer name there && "
               "ip address add 10.90.0.1/24 dev here && ip link set here up && ip link set there up")
    os.execvp("unshare", unshare + ["sh", "-c", network + ' && exec "$@"', "sh", sys.executable, *argv])


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--tiller", type=Path, required=True)
    parser.add_argument("--study", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/tiller/many-test")
    parser.add_argument("--keep", action="store_true", help="also folders of cases that passed")
    parser.add_argument("--tokens", type=int, default=60, help="of each text in the case slurm, up to 140: how long it takes")
    parser.add_argument("cases", nargs="*", default=list(CASES))
    options = parser.parse_args()
    for name in ("tiller", "study", "cache"):
        setattr(options, name, getattr(options, name).absolute())
    if os.environ.get("TILLER_MANY_NETWORK") != "own":
        needed = {"slurm": {"slurm": slurm.PACKAGES}, "mpirun": {"openmpi": MPI_PACKAGES},
                  "parallel": {"parallel": ["parallel"]}}
        needed |= {"kill": needed["slurm"], "srun": needed["slurm"],
                   "ssh": needed["parallel"] | {"ssh": hosts.PACKAGES}}
        for case in options.cases:
            for name, packages in needed[case].items():
                slurm.unpack(packages, options.cache / name)
        own_network(sys.argv)
    failed = 0
    for name in options.cases:
        folder = Path(tempfile.mkdtemp(prefix=f"tiller-{name}-"))
        begin = time.monotonic()
        try:
            text = CASES[name](options, folder)
        except (RuntimeError, subprocess.SubprocessError, OSError) as error:
            failed += 1
            options.keep = True
            text = f"FAILED: {error}; look at {folder}"
        print(f"{name}: {text} ({time.monotonic() - begin:.0f} s)", flush=True)
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
