"""The Dagster door: wires the domain, holds no rule of it."""

import warnings

from dagster import BetaWarning

# Backfill policies and mappings between kinds of partitions have been in beta since they appeared;
# the lock file pins the release they were tried with.
warnings.filterwarnings("ignore", category=BetaWarning)
