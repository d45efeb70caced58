"""`python -m samples.make [folder]`: writes ``extracts`` and ``broken``; nothing else is here."""

from __future__ import annotations

import sys
from pathlib import Path

from samples.make.broken import make_broken
from samples.make.lakeside import make_lakeside
from samples.make.renmin import make_renmin
from samples.make.stmary import make_stmary
from samples.make.synthea import data_folder


def main(arguments: list[str]) -> int:
    """Write all hospitals; those that rest on Synthea only where its data are."""
    folder = Path(arguments[0]) if arguments else Path(__file__).parents[1]
    root = folder / "extracts"
    make_broken(folder / "broken")
    make_renmin(root)
    data = data_folder()
    if not data.is_dir():
        print(f"renmin is written; lakeside and stmary need Synthea data at {data}.")
        print("Set CLEARWARD_DATA to the folder that holds synthea-88.")
        return 2
    make_lakeside(root, data)
    make_stmary(root, data)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
