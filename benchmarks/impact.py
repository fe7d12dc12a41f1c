"""How fast the impact engine is, beside the libraries that do the same: one run, one machine, the same data.

    python -m venv /tmp/yardsticks && /tmp/yardsticks/bin/pip install diff-diff==3.13.0 csdid==0.4.3
    PYTHONPATH=. /tmp/yardsticks/bin/python -m benchmarks.impact [--repeats 7] [--case staggered ...] [--units 1000 ...]

Neither library is ever installed in the service; one that is missing is left out. Each measurement has a process of
its own, which reads the data, estimates once to warm up, then `--repeats` times (three, where that takes
more than a minute). Seconds are medians, of the clock and
of the processor (which a busy machine blurs less); memory is the peak of the process. All of them have `--threads`
threads for their matrices, by default one, as in the service.

staggered    Callaway and Sant'Anna, 24 periods, three cohorts and a never exposed one; simple, dynamic and group
covariates   the same, doubly robust with two covariates
donors       synthetic difference in differences, 39 units by 31 periods, 200 placebos
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

PERIODS = 24
SIZES = (1_000, 10_000, 100_000)
STATES, YEARS, PLACEBOS, EXPOSED_YEAR = 39, 31, 200, 20
LIBRARIES = {"throughline": "app.domain.impact", "diff-diff": "diff_diff", "csdid": "csdid"}
LIMITS = {
    ("staggered", "diff-diff"): 1.0,
    ("staggered", "csdid"): 1.0,
    ("covariates", "diff-diff"): 0.6,
    ("donors", "diff-diff"): 1.0,
}
MEMORY_LIMIT = 0.7
LEAST_REPEATS, PATIENCE_SECONDS = 3, 60.0
Columns = Mapping[str, Any]


def staggered(units: int) -> Columns:
    """Return a long panel by columns: unit, time, y, first (0: never), x and z."""
    rng = np.random.default_rng(1)
    first = rng.choice([9, 13, 17, 0], size=units, p=[0.2, 0.2, 0.2, 0.4])
    moment = np.arange(1, PERIODS + 1)
    exposed = (first[:, None] > 0) & (moment >= first[:, None])
    x, z = rng.normal(size=(2, units))
    drift = 0.02 * moment + 0.03 * x[:, None] * moment
    y = rng.normal(size=(units, 1)) + drift + rng.normal(size=(units, PERIODS)) + 0.3 * exposed
    return {
        "unit": np.repeat(np.arange(1, units + 1), PERIODS),
        "time": np.tile(moment, units),
        "y": y.ravel(),
        "first": np.repeat(first, PERIODS),
        "x": np.repeat(x, PERIODS),
        "z": np.repeat(z, PERIODS),
    }


def donors(_units: int) -> Columns:
    """Return one exposed unit among donors with two common factors."""
    rng = np.random.default_rng(1)
    common = rng.normal(size=(2, YEARS)).cumsum(axis=1)
    y = rng.normal(size=(STATES, 2)) @ common + rng.normal(size=(STATES, YEARS))
    moment = np.tile(np.arange(1, YEARS + 1), STATES)
    unit = np.repeat(np.arange(1, STATES + 1), YEARS)
    exposed = (unit == 1) & (moment >= EXPOSED_YEAR)
    return {"unit": unit, "time": moment, "y": y.ravel() - 2.0 * exposed, "exposed": exposed.astype(np.int64)}


def ours(case: str, table: Columns) -> Callable[[], Any]:
    """Return the engine at work, from columns to a graded result."""
    from app.domain.impact.estimate import estimate  # noqa: PLC0415  each process imports one library
    from app.domain.impact.options import Options  # noqa: PLC0415  the same
    from app.domain.impact.panel_rows import build  # noqa: PLC0415  the same
    from app.domain.impact.result import AggregationKind as Kind  # noqa: PLC0415  the same

    if case == "donors":
        columns = {name: table[name] for name in ("unit", "time", "y", "exposed")}
        return lambda: (
            estimate(
                build(unit=columns["unit"], period=columns["time"], outcome=columns["y"], exposure=columns["exposed"]),
                ["sdid"],
                Options(draws=PLACEBOS),
            )[0].value
        )
    names = ("x", "z") if case == "covariates" else ()
    options = Options(covariates=names, aggregations=(Kind.SIMPLE, Kind.DYNAMIC, Kind.GROUP))
    return lambda: (
        estimate(
            build(
                unit=table["unit"],
                period=table["time"],
                outcome=table["y"],
                first_exposed=table["first"],
                covariates={name: table[name] for name in names},
            ),
            ["callaway_santanna"],
            options,
        )[0].value
    )


def diff_diff(case: str, table: Columns) -> Callable[[], Any]:
    """Return diff-diff at work, from a table to its result."""
    import diff_diff as library  # noqa: PLC0415  each process imports one library
    import pandas as pd  # noqa: PLC0415  the same

    rows = pd.DataFrame(dict(table))
    columns = {"outcome": "y", "unit": "unit", "time": "time"}
    if case == "donors":
        after = list(range(EXPOSED_YEAR, YEARS + 1))
        rows["ever"] = (rows["unit"] == 1).astype(int)
        return lambda: (
            library.SyntheticDiD(n_bootstrap=PLACEBOS, seed=1)
            .fit(rows, treatment="ever", post_periods=after, **columns)
            .att
        )
    names = ["x", "z"] if case == "covariates" else None
    return lambda: (
        library.CallawaySantAnna(control_group="not_yet_treated")
        .fit(rows, first_treat="first", covariates=names, aggregate="all", **columns)
        .overall_att
    )


def csdid(case: str, table: Columns) -> Callable[[], Any]:
    """Return csdid at work, from a table to the same averages."""
    import pandas as pd  # noqa: PLC0415  each process imports one library
    from csdid.att_gt import ATTgt  # noqa: PLC0415  the same

    rows = pd.DataFrame(dict(table))
    formula = "y~x+z" if case == "covariates" else None

    def fitted() -> float:
        found = ATTgt(
            yname="y",
            tname="time",
            idname="unit",
            gname="first",
            data=rows,
            control_group="notyettreated",
            xformla=formula,
        ).fit(est_method="dr", bstrap=False)
        averages = [
            found.aggte(typec=kind, bstrap=False).atte["overall_att"] for kind in ("simple", "dynamic", "group")
        ]
        return float(averages[0])

    return fitted


WORK = {"throughline": ours, "diff-diff": diff_diff, "csdid": csdid}


def measured(case: str, library: str, path: str, repeats: int) -> dict[str, Any]:
    """Return what one library needs, measured in this process."""
    warnings.simplefilter("ignore")
    with np.load(path) as stored:
        table = {name: stored[name] for name in stored.files}
    seconds, processor = [], []
    with contextlib.redirect_stdout(io.StringIO()):
        work = WORK[library](case, table)
        value = work()
        for _ in range(repeats):
            begun, used = time.perf_counter(), time.process_time()
            work()
            seconds.append(time.perf_counter() - begun)
            processor.append(time.process_time() - used)
            if len(seconds) >= LEAST_REPEATS and sum(seconds) > PATIENCE_SECONDS:
                break
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "value": float(value),
        "seconds": statistics.median(seconds),
        "processor": statistics.median(processor),
        "megabytes": peak,
    }


def compared(case: str, units: int, repeats: int, threads: int) -> dict[str, dict[str, Any]]:
    """Return what every library at hand needs for a case, each in a process of its own."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "panel.npz")
        np.savez(path, **(donors if case == "donors" else staggered)(units))
        for library in LIBRARIES:
            if not _at_hand(library) or (case == "donors" and library == "csdid"):
                continue
            command = [sys.executable, "-m", "benchmarks.impact", "--alone", case, library, path, str(repeats)]
            variables = {**os.environ, "OPENBLAS_NUM_THREADS": str(threads)}
            done = subprocess.run(command, check=True, capture_output=True, text=True, env=variables)  # noqa: S603  ours
            found[library] = json.loads(done.stdout.splitlines()[-1])
    return found


def _at_hand(library: str) -> bool:
    return importlib.util.find_spec(LIBRARIES[library].partition(".")[0]) is not None


def _told(case: str, units: int, found: Mapping[str, Mapping[str, Any]]) -> tuple[str, bool]:
    """Return the rows of one case, and whether the engine is within its limits."""
    own, lines, kept = found["throughline"], [], True
    for library, one in found.items():
        ratio = own["seconds"] / one["seconds"]
        memory = own["megabytes"] / one["megabytes"]
        limit = LIMITS.get((case, library))
        within = limit is None or ratio <= limit
        if case == "staggered" and library == "diff-diff" and units == SIZES[-1]:
            within = within and memory <= MEMORY_LIMIT
        kept = kept and within
        times = f"{one['seconds']:.3f} | {one['processor']:.3f} | {ratio:.2f}"
        numbers = f"{times} | {one['megabytes']:.0f} | {memory:.2f} | {one['value']:.6f}"
        lines.append(f"| {case} | {units:,} | {library} | {numbers} | {'yes' if within else 'NO'} |")
    return "\n".join(lines), kept


def main() -> int:
    """Compare, print a Markdown table, and return 1 where the engine is beyond a limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--case", choices=["staggered", "covariates", "donors"], nargs="+")
    parser.add_argument("--units", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--alone", nargs=4, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.alone:
        case, library, path, repeats = asked.alone
        sys.stdout.write(json.dumps(measured(case, library, path, int(repeats))) + "\n")
        return 0
    head = "| case | units | library | seconds | processor | ours / theirs | peak MB | memory | value | in the limit |"
    sys.stdout.write(f"{head}\n|---|---|---|---|---|---|---|---|---|---|\n")
    kept = True
    for case in asked.case or ["staggered", "covariates", "donors"]:
        for units in [STATES] if case == "donors" else asked.units:
            text, within = _told(case, units, compared(case, units, asked.repeats, asked.threads))
            kept = kept and within
            sys.stdout.write(text + "\n")
            sys.stdout.flush()
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
