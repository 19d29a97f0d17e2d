#!/usr/bin/env python3
"""Simulate a study of many blocks on many machines that fail: how much of the machines' time is work.

Block times come from run folders, and are drawn with replacement. Blocks are dealt as tiller deals them (longest first, by estimates), to as many shards as asked;
a shard takes the next free machine, as an array of Slurm does. Estimates are wrong by a factor that is
log-normal. A machine fails at random (exponential times between failures); its shard is queued again after a
delay, and goes on from the last finished unit of work, of which a block has a number. Starting costs time.

Prints a table: shards, hours until the last block is done, efficiency (work of the blocks over machines times
hours), and what is lost: to units that were begun and not finished, to starts, to waiting for others.

Usage: simulate_machines.py RUN... [options]
"""
import argparse
import heapq
import json
import math
import random
import statistics
from pathlib import Path


def block_times(runs):
    """Seconds of each block: of runs in shards from their workers, else from the costs of a run with one seed."""
    times = []
    for run in map(Path, runs):
        workers = list(run.glob("workers/*/*/blocks.jsonl"))
        for line in (line for file in workers for line in file.read_text().splitlines()):
            event = json.loads(line)
            if event["state"] == "done" and event["seconds"] > 0:
                times.append(event["seconds"])
        if not workers:
            tasks = {}
            for line in (run / "cost.jsonl").read_text().splitlines():
                cost = json.loads(line)
                if cost["task"]:
                    key = cost["model"], cost["task"]
                    tasks[key] = tasks.get(key, 0) + cost["seconds"]
            times += tasks.values()
    if not times:
        raise SystemExit("no finished blocks in these runs")
    return times


def deal(estimates, n_shard):
    """Longest first, each to the shard with the least work so far."""
    shards = [[] for _ in range(n_shard)]
    heap = [(0.0, s) for s in range(n_shard)]
    for block in sorted(range(len(estimates)), key=lambda b: -estimates[b]):
        work, s = heapq.heappop(heap)
        shards[s].append(block)
        heapq.heappush(heap, (work + estimates[block], s))
    return [sorted(s) for s in shards]  # a worker goes in the plan's order


class Machine:
    def __init__(self, rng, o):
        self.rng, self.o = rng, o
        self.next_failure = rng.expovariate(1 / (o.hours_between_failures * 3600)) if o.hours_between_failures else math.inf


def run(o, times, n_shard, rng):
    blocks = [rng.choice(times) * o.scale for _ in range(o.blocks)]
    estimates = [t * rng.lognormvariate(0, o.spread) for t in blocks]
    # What is left of each shard: its blocks with the seconds done of them in whole units.
    left = [[[b, 0.0] for b in shard] for shard in deal(estimates, n_shard)]
    queue = [(0.0, s) for s in range(n_shard) if left[s]]
    heapq.heapify(queue)
    free = [(0.0, m) for m in range(o.machines)]
    heapq.heapify(free)
    failure = [Machine(rng, o).next_failure for _ in range(o.machines)]
    lost_units = lost_starts = end = 0.0
    n_failure = 0
    while queue:
        ready, s = heapq.heappop(queue)
        at, m = heapq.heappop(free)
        t = max(ready, at)
        while failure[m] < t:  # while it was idle
            failure[m] += rng.expovariate(1 / (o.hours_between_failures * 3600))
        # The start, then block after block until the shard is done or the machine fails.
        work = o.start_seconds
        for item in left[s]:
            work += blocks[item[0]] - item[1]
        if t + work <= failure[m]:
            lost_starts += o.start_seconds
            end = max(end, t + work)
            heapq.heappush(free, (t + work, m))
            continue
        n_failure += 1
        worked = failure[m] - t
        lost_starts += min(worked, o.start_seconds)
        worked -= o.start_seconds
        while worked > 0 and left[s]:
            b, done = left[s][0]
            need = blocks[b] - done
            if worked >= need:
                worked -= need
                left[s].pop(0)
                continue
            unit = blocks[b] / o.units
            whole = math.floor((done + worked) / unit + 1e-9) * unit
            whole = max(done, whole)
            lost_units += done + worked - whole
            left[s][0][1] = whole
            worked = 0
        heapq.heappush(queue, (failure[m] + o.requeue_seconds, s))
        heapq.heappush(free, (failure[m] + o.repair_seconds, m))
        failure[m] += o.repair_seconds + rng.expovariate(1 / (o.hours_between_failures * 3600))
    all_work, all_time = sum(blocks), end * o.machines
    waiting = all_time - all_work - lost_units - lost_starts
    return {"hours": end / 3600, "efficiency": all_work / all_time, "lost_units": lost_units / all_time,
            "starts": lost_starts / all_time, "waiting": waiting / all_time, "failures": n_failure}


def main():
    p = argparse.ArgumentParser(usage=__doc__)
    p.add_argument("runs", nargs="+")
    p.add_argument("--blocks", type=int, default=1000)
    p.add_argument("--machines", type=int, default=100)
    p.add_argument("--shards", type=int, nargs="+", default=[100, 200, 400, 1000])
    p.add_argument("--hours-between-failures", type=float, default=24, help="of one machine; 0 = never")
    p.add_argument("--requeue-seconds", type=float, default=180)
    p.add_argument("--repair-seconds", type=float, default=1800, help="until the machine takes work again")
    p.add_argument("--start-seconds", type=float, default=20, help="loading a model and checking it")
    p.add_argument("--units", type=int, default=27, help="units of work in a block (default plan: 26 to 28)")
    p.add_argument("--spread", type=float, default=0.3, help="of the estimates, as a log-normal's sigma")
    p.add_argument("--scale", type=float, default=1, help="block times are multiplied by it")
    p.add_argument("--repeats", type=int, default=50)
    p.add_argument("--seed", type=int, default=0)
    o = p.parse_args()
    times = block_times(o.runs)
    print(f"{len(times)} measured blocks of {min(times) * o.scale:.0f} to {max(times) * o.scale:.0f} s (mean "
          f"{statistics.mean(times) * o.scale:.0f}); {o.blocks} blocks on {o.machines} machines, each failing every "
          f"{o.hours_between_failures:g} h; means of {o.repeats} runs")
    print("| shards | hours | efficiency | unfinished units | starts | waiting | failures |\n|---|---|---|---|---|---|---|")
    for n in o.shards:
        rng = random.Random(o.seed)
        results = [run(o, times, n, rng) for _ in range(o.repeats)]
        mean = {k: statistics.mean(r[k] for r in results) for k in results[0]}
        print(f"| {n} | {mean['hours']:.2f} | {100 * mean['efficiency']:.1f} % | {100 * mean['lost_units']:.2f} % | "
              f"{100 * mean['starts']:.2f} % | {100 * mean['waiting']:.1f} % | {mean['failures']:.1f} |")


if __name__ == "__main__":
    main()
