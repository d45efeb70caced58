"""``python -m clearward``: the command line where the script is not on PATH."""

from clearward.cli import main

main()
