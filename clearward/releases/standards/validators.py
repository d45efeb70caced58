"""The libraries that judge a release's documents, a third of a second to import. Whoever publishes
imports this module inside a function; a process that others are forked from imports it beforehand.
Nothing else belongs here.
"""

from __future__ import annotations

import pyshacl
import rdflib
from open_data_contract_standard.model import OpenDataContractStandard
from rdflib.plugins.parsers.notation3 import BadSyntax

__all__ = ["BadSyntax", "OpenDataContractStandard", "pyshacl", "rdflib"]
