"""What a buyer does with the unmodified delta-sharing client; runs in an environment of its own.

    python delta_sharing_buyer.py PROFILE TABLE MOMENT

Prints one JSON object of what came back.
"""

import json
import sys

import delta_sharing

profile, table, moment = sys.argv[1:4]
client = delta_sharing.SharingClient(profile)
LONG_AGO = "2000-01-01T00:00:00Z"
url = f"{profile}#{table}"
schema = delta_sharing.get_table_metadata(url).schema_string
found = {
    "shares": [share.name for share in client.list_shares()],
    "schemas": [s.name for share in client.list_shares() for s in client.list_schemas(share)],
    "tables": [t.name for t in client.list_all_tables()],
    "version": delta_sharing.get_table_version(url),
    "version_since": delta_sharing.get_table_version(
        url, starting_timestamp="2000-01-01T00:00:00Z"
    ),
    "protocol": delta_sharing.get_table_protocol(url).min_reader_version,
    "columns": [
        f["name"] for f in json.loads(delta_sharing.get_table_metadata(url).schema_string)["fields"]
    ],
}
for name, is_delta in (("auto", None), ("delta", True), ("parquet", False)):
    options = {"use_delta_format": is_delta}
    whole = delta_sharing.load_as_pandas(url, **options)
    hint = json.dumps(
        {
            "op": "equal",
            "children": [
                {"op": "column", "name": "patient_key", "valueType": "string"},
                {"op": "literal", "value": "!", "valueType": "string"},
            ],
        }
    )
    found[name] = {
        "rows": len(whole),
        "columns": list(whole.columns),
        "keys": sorted(whole["patient_key"])[:3],
        "version_0": len(delta_sharing.load_as_pandas(url, version=0, **options)),
        "as_of": len(delta_sharing.load_as_pandas(url, timestamp=moment, **options)),
        "limit": len(delta_sharing.load_as_pandas(url, limit=7, **options)),
        "hinted": len(delta_sharing.load_as_pandas(url, jsonPredicateHints=hint, **options)),
    }
    if is_delta is not None:
        for start in (0, 1):
            changes = delta_sharing.load_table_changes_as_pandas(
                url, starting_version=start, use_delta_format=is_delta
            )
            counted = changes["_change_type"].value_counts()
            found[name][f"changes_{start}"] = {str(k): int(v) for k, v in counted.items()}
            found[name][f"commits_{start}"] = sorted({int(v) for v in changes["_commit_version"]})
print(json.dumps(found))
