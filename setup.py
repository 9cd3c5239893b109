"""Map the three top-level folders into the implicit namespace package `xlzoo`; all metadata is in pyproject.toml."""

from setuptools import find_packages, setup

FOLDERS = ("modeling", "run_scripts", "hub_cards")

setup(
    packages=[f"xlzoo.{name}" for top in FOLDERS for name in (top, *(f"{top}.{sub}" for sub in find_packages(top)))],
    package_dir={f"xlzoo.{top}": top for top in FOLDERS},
    package_data={"": ["py.typed", "*.md", "*.tsv", "recipes/*.yaml"]},
)
