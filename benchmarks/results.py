"""Where benchmarks write what they measured: one section each in RESULTS.md, replaced whenever the benchmark runs."""

import os
import platform
import re
from pathlib import Path

import torch

RESULTS = Path(__file__).with_name("RESULTS.md")
HEADING = """# What was measured

Each section is written by the program it names; only the ratios within one section mean anything.
"""


def write_section(name: str, markdown: str, path: Path = RESULTS) -> None:
    """Put the section between its markers in RESULTS.md or another file, in place of what was there, or at the end."""
    text = path.read_text(encoding="utf-8") if path.exists() else HEADING
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    section = f"{begin}\n{markdown.strip()}\n{end}"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if pattern.search(text):
        text = pattern.sub(lambda _: section, text)
    else:
        text = f"{text.rstrip()}\n\n{section}\n"
    path.write_text(text, encoding="utf-8")


def machine() -> str:
    """Describe this machine in one line: processor, cores, threads, torch and Python."""
    cpuinfo = Path("/proc/cpuinfo")
    described = cpuinfo.read_text(encoding="utf-8") if cpuinfo.exists() else ""
    model = re.search(r"model name\s*:\s*(.+)", described)
    processor = model[1].strip() if model else platform.processor() or platform.machine()
    threads = torch.get_num_threads()
    return (
        f"{processor}, {os.cpu_count()} cores, {threads} threads, torch {torch.__version__}, "
        f"Python {platform.python_version()}"
    )
