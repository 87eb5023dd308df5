"""Timing, errors, one JSON line a measurement, a table of them all."""

import json
import math
import os
import platform
import statistics
import time

import numpy as np


def cpu_name():
    try:
        with open("/proc/cpuinfo") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def in_turns(calls, rounds, budget_s=math.inf):
    """Wall seconds [call][round] after one round to warm up, and the last results. In turns, so that what else the
    machine does falls on all of them. A call that has spent the budget is not repeated: then its first run counts."""
    results = [None] * len(calls)
    taken = [[] for _ in calls]
    for turn in range(rounds + 1):
        for n, call in enumerate(calls):
            if sum(taken[n]) > budget_s:
                continue
            start = time.perf_counter()
            results[n] = call()
            seconds = time.perf_counter() - start
            if turn > 0 or seconds > budget_s / 2:
                taken[n].append(seconds)
    return taken, results


def errors(image, truth, distance_px, radius_px):
    """Root mean square errors inside r < 0.95 of the radius: everywhere, and 3 pixels or more from any edge."""
    inside = distance_px < 0.95 * radius_px
    difference = np.asarray(image, np.float64) - truth
    flat = inside & _away_from_edges(truth, 3)
    return {
        "rmse": float(np.sqrt(np.mean(difference[inside] ** 2))),
        "rmse_flat": float(np.sqrt(np.mean(difference[flat] ** 2))),
        "mean_ratio": float(np.asarray(image, np.float64)[inside].sum() / truth[inside].sum()),
    }


def _away_from_edges(truth, reach):
    same = np.ones(truth.shape, bool)
    for dj in range(-reach, reach + 1):
        for di in range(-reach, reach + 1):
            same &= np.abs(np.roll(truth, (dj, di), (0, 1)) - truth) < 1e-6
    return same


def report(lines, **line):
    line["load_average"] = round(os.getloadavg()[0], 2)
    lines.append(line)
    print(json.dumps(line), flush=True)


def rate(taken, updates, slices_run, slices):
    """Median and least seconds for `slices`, scaled from those that ran, and 10^9 pixels times views a second."""
    scale = slices / slices_run
    median = statistics.median(taken) * scale
    return {
        "seconds_median": round(median, 6),
        "seconds_least": round(min(taken) * scale, 6),
        "runs": len(taken),
        "slices_run": slices_run,
        "scaled": slices_run != slices,
        "gups": round(updates / median / 1e9, 4),
    }


def table(lines, columns):
    """Plain text: the header, then one line a measurement."""
    rows = [[title for title, _, _ in columns]]
    for line in lines:
        rows.append([form.format(line[key]) if line.get(key) is not None else "-" for _, key, form in columns])
    widths = [max(len(row[c]) for row in rows) for c in range(len(columns))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
