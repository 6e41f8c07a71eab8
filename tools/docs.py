"""Builds the documentation into .build/site, and writes the pages that repeat YAML files.

    tools/docs.py [--check]

The pages are laid out for the site as they lie in the repository, so that a link that holds in a
clone holds on the site, and the other way round. A link to a page or a heading that is not there
fails the build. With --check a page that does not say what its YAML file says fails it too,
and is left as it is.
"""

from __future__ import annotations

import difflib
import shutil
import subprocess
import sys
from pathlib import Path

from tools import reference

ROOT = Path(__file__).parent.parent
PAGES = ROOT / ".build" / "pages"
SITE = ROOT / ".build" / "site"
SOURCES = (
    "*.md",
    "LICENSE",
    "docs/**/*.md",
    "localjuju/*.md",
    "bench/*.md",
    "src/**/README.md",
    "tests/**/README.md",
)


def sources(root: Path = ROOT) -> list[Path]:
    """Name the pages of the site, and what they link to, as they lie below the root."""
    return sorted(
        path.relative_to(root)
        for pattern in SOURCES
        for path in root.glob(pattern)
        if path.is_file()
    )


def lay_out(root: Path, target: Path) -> None:
    """Copy the pages to where the site is built from; nothing else is there afterwards."""
    shutil.rmtree(target, ignore_errors=True)
    for page in sources(root):
        (target / page).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / page, target / page)


def generate(check: bool) -> bool:
    """Write the pages that repeat YAML files, or show how they differ.

    Returns:
        Whether they are right afterwards.
    """
    right = True
    for page, text in reference.pages(ROOT).items():
        before = page.read_text()
        if before == text:
            continue
        name = str(page.relative_to(ROOT))
        if check:
            right = False
            lines = before.splitlines(), text.splitlines()
            for line in difflib.unified_diff(
                *lines, name, f"{name} by its YAML", lineterm="", n=0
            ):
                print(line)
            print(f"{name} is not what its YAML file says; write it anew with: make docs")
        else:
            page.write_text(text)
            print(f"{name} written anew")
    return right


def build(root: Path) -> int:
    """Build the site that the directory's mkdocs.yml describes; returns mkdocs' exit status.

    What mkdocs says is shown only where it fails.
    """
    # With --quiet it would not count its warnings, and strict would mean nothing.
    command = [sys.executable, "-m", "mkdocs", "build", "--clean"]
    done = subprocess.run(command, cwd=root, check=False, capture_output=True, text=True)
    if done.returncode:
        print(done.stderr, end="", file=sys.stderr)
    return done.returncode


def main(arguments: list[str]) -> int:
    """Generate, build, and say where the site is."""
    if not generate(check="--check" in arguments):
        return 1
    lay_out(ROOT, PAGES)
    if status := build(ROOT):
        return status
    print(f"{len(list(SITE.rglob('*.html')))} pages in {SITE.relative_to(ROOT)}, no broken links")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
