"""Run the benchmarks, print a table, and write ``benchmarks/results.json``.

A benchmark is a module of this package with a function ``rows()`` that gives ``Row``s. Ratio above 1 means that we are
better; ``reach`` is the ratio asked for. ``--only NAME`` runs one module and keeps the others' last results. Results are kept
as soon as their module has ended; a benchmark that could not be run loses nothing but says so.
"""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import sys
from pathlib import Path
from typing import TypedDict, cast

import benchmarks
from benchmarks._children import leave_in_order

RESULTS = Path(__file__).parent / "results.json"
NOT_BENCHMARKS = {"run"}


class Row(TypedDict):
    """One comparison. ``ours`` and ``peer`` are in ``unit``."""

    name: str
    ours: float
    peer: float
    unit: str
    ratio: float
    reach: float


def modules() -> list[str]:
    """The names of all benchmark modules."""
    found = [module.name for module in pkgutil.iter_modules(benchmarks.__path__)]
    return sorted(name for name in found if name not in NOT_BENCHMARKS and not name.startswith("_"))


def main() -> int:
    """Run what was asked for; 1 if a benchmark could not be run or a reach was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=modules(), action="append", help="run this benchmark only")
    chosen = parser.parse_args().only or modules()
    leave_in_order()
    rows: list[Row] = []
    broken: list[str] = []
    for name in chosen:
        print(f"{name} …", flush=True)
        module = importlib.import_module(f"benchmarks.{name}")
        if not hasattr(module, "rows"):
            continue
        try:
            found = [_rounded(row) for row in module.rows()]
        except Exception as error:
            broken.append(f"{name}: {type(error).__name__}: {error}")
            continue
        rows += found
        _save(found)
    _print_table(rows)
    print("\n".join(broken))
    return 1 if broken or any(row["ratio"] < row["reach"] for row in rows) else 0


def _rounded(row: Row) -> Row:
    """Milliseconds are enough, and keep the file readable."""
    values = {name: round(value, 3) if isinstance(value, float) else value for name, value in row.items()}
    return cast("Row", values)


def _save(rows: list[Row]) -> None:
    fresh = {row["name"] for row in rows}
    old = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    kept = [row for row in old if row["name"] not in fresh]
    RESULTS.write_text(json.dumps(kept + rows, indent=2, ensure_ascii=False) + "\n")


def _print_table(rows: list[Row]) -> None:
    for row in rows:
        verdict = "reached" if row["ratio"] >= row["reach"] else "MISSED"
        values = f"{row['ours']:10.2f} {row['peer']:10.2f} {row['unit']:<10}"
        print(f"{row['name']:<60} {values} ratio {row['ratio']:5.2f} of {row['reach']:4.2f}  {verdict}")


if __name__ == "__main__":
    sys.exit(main())
