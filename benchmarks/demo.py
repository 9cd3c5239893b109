"""Run `make demo` from scratch, time it, and put its table into README.md and RESULTS.md.

python benchmarks/demo.py
"""

import shutil
import subprocess
import sys
import time
from pathlib import Path

from results import RESULTS, machine, write_section

ROOT = Path(__file__).parents[1]
OUTPUT = ROOT / "runs" / "madx_demo_timed"


def main() -> None:
    """Run the demo's command in a fresh process and a fresh folder."""
    shutil.rmtree(OUTPUT, ignore_errors=True)
    command = [sys.executable, "run_scripts/run_madx.py", "recipes/madx_phrasebook.yaml", "--output_dir", str(OUTPUT)]
    start = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True)
    minutes = (time.perf_counter() - start) / 60
    table = (OUTPUT / "results.md").read_text(encoding="utf-8").strip()
    note = f"One seed, {minutes:.1f} minutes ({machine()}); written by `benchmarks/demo.py`."
    write_section("demo", f"{table}\n\n{note}", ROOT / "README.md")
    write_section("demo", f"## The demo (`demo.py`)\n\n{table}\n\n{note}", RESULTS)


if __name__ == "__main__":
    main()
