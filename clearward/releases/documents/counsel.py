"""What counsel completes and signs: the skeleton of an expert determination and of an impact
assessment. An engineering reading; the measured figures come from `risk`.
"""

from __future__ import annotations

from clearward.releases.documents.document import Page, document

DOCUMENT = document(
    {
        "expert_determination.html": Page("expert.html", "Expert determination", "专家认定材料"),
        "pipia.html": Page("pipia.html", "Impact assessment", "个人信息保护影响评估"),
    }
)
