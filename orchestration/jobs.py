"""Jobs people and schedules launch."""

import dagster as dg

from clearward.products.spec import product_names

# `dagster.yaml` lets one run with this tag go at a time.
MONTH_BY_MONTH = {"clearward/month_by_month": "products"}

_hospitals = dg.AssetSelection.assets("raw", "cleared", "deidentified", "findings")

hospital_month = dg.define_asset_job(
    "hospital_month",
    selection=_hospitals,
    description="One hospital's month: extract in, de-identified tables and findings out. "
    "Months of one hospital go in order, each compared with the one before; after an older month "
    "is run again, run the later ones again too.",
)

_licensing = dg.AssetSelection.groups("licensing")
_released = dg.AssetSelection.assets(*(["released", name] for name in product_names()))
month_candidates = dg.define_asset_job(
    "month_candidates",
    # everything after the hospitals: seeds have no upstream, so "downstream" would miss them
    selection=dg.AssetSelection.all() - _hospitals - _released - _licensing,
    tags=MONTH_BY_MONTH,
    description="One month of all hospitals: dbt, protection, gates, release candidates. Months go "
    "in order; after an older month is run again, run the later ones again too.",
)

publish_catalogue = dg.define_asset_job(
    "publish_catalogue",
    selection=dg.AssetSelection.assets("catalogue"),
    description="Bring the catalogue's pages to what the store holds, and to recalls.",
)

publish_releases = dg.define_asset_job(
    "publish_releases",
    selection=_released,
    tags=MONTH_BY_MONTH,
    description="Publish a month's candidates as signed versions. Launching it by hand is the "
    "approval; a sensor or schedule cannot give one. Amber gates need `clearward release sign-off` "
    "first.",
)
