"""Documents for machines inside a page. What they say of a release belongs to
`releases.standards.schema_org`.
"""

from __future__ import annotations

import json
from typing import Any

from markupsafe import Markup


def inside_script(document: Any) -> Markup:
    """JSON that no text in it can end: ``<`` is an escape, so ``</script>`` cannot be."""
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, indent=1)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704 - escaped in the line before
