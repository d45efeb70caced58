"""De-identified findings in forms other systems read: `omop` and `fhir`.

Both are for the hospital's own use, inside its walls: nothing here passes protection or the gates,
so nothing here is a release.
"""

from clearward.notes.exports.fhir import export_fhir
from clearward.notes.exports.omop import export_omop

__all__ = ["export_fhir", "export_omop"]
