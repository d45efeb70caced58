"""Jobs people and schedules launch."""

import dagster as dg

from clearward.products.spec import product_names

hospital_month = dg.define_asset_job(
    "hospital_month",
    selection=dg.AssetSelection.assets("raw", "cleared", "deidentified", "findings"),
    description="One hospital's month: extract in, de-identified tables and findings out.",
)

_released = dg.AssetSelection.assets(*(["released", name] for name in product_names()))
_downstream = dg.AssetSelection.assets("deidentified", "findings").downstream(include_self=False)

month_candidates = dg.define_asset_job(
    "month_candidates",
    selection=_downstream - _released,
    description="One month of all hospitals: dbt, protection, gates, release candidates.",
)

publish_releases = dg.define_asset_job(
    "publish_releases",
    selection=_released,
    description="Publish a month's candidates. Launching it by hand is the approval.",
)
