"""A hospital's own words: `hospital.toml` beside its extracts, and the spec as it reads with them.
What all hospitals of a source system share belongs to that system's spec.
"""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

from clearward.errors import ExtractError
from clearward.sources.code_systems import NAMES, spelled
from clearward.sources.spec import SourceSystem, load_spec

HOSPITAL = "hospital.toml"


def spec_of(system: str, folder: Path) -> SourceSystem:
    """The spec of a system, with what the hospital declared beside the extract's folder.

    Raises:
        ExtractError: the declaration cannot be read, or says what we do not know.
    """
    path = folder.absolute().parent / HOSPITAL
    declared = _code_systems(path) if path.is_file() else {}
    spec = load_spec(system)
    if spec.format != "ndjson" and not declared:
        return spec
    return replace(spec, code_systems=spelled(declared), declared=declared)


def _code_systems(path: Path) -> dict[str, str]:
    try:
        document: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        raise _refused("not TOML in UTF-8") from None
    declared = document.pop("code_systems", {})
    if document or not isinstance(declared, dict):
        raise _refused(f"{len(document)} keys beside code_systems")
    unknown = sum(1 for name in declared.values() if name not in NAMES)
    if unknown:
        raise _refused(f"{unknown} of {len(declared)} names that we do not know")
    return declared


def _refused(seen: str) -> ExtractError:
    return ExtractError(
        f"{HOSPITAL} of the hospital cannot be used.",
        seen=seen,
        expected=f"[code_systems], each of the hospital's own names = one of {', '.join(NAMES)}",
        do="correct the file; without it local codes are no codes that a product knows",
    )
