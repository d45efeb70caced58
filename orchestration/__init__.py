"""The Dagster door: wires the domain, holds no rule of it."""

import warnings

# Backfill policies and mappings between kinds of partitions have been in beta since they appeared;
# the lock file pins the release they were tried with. Named by its words: importing the class would
# import Dagster, which a run that finds nothing to do has no use for.
warnings.filterwarnings("ignore", message=".*is currently in beta")
