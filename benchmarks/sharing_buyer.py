"""One reading by a buyer, in an environment of its own: prints seconds and CPU seconds.

python sharing_buyer.py delta|parquet|pyarrow PROFILE TABLE
"""

import io
import json
import sys
from time import perf_counter, process_time

import delta_sharing
import pyarrow.parquet as pq
import requests

how, profile, table = sys.argv[1:4]
url = f"{profile}#{table}"


def presigned():
    with open(profile) as file:  # noqa: PTH123 - the buyer's environment has no house rules
        told = json.load(file)
    share, schema, name = table.split(".")
    place = f"{told['endpoint']}/shares/{share}/schemas/{schema}/tables/{name}/query"
    header = {"Authorization": f"Bearer {told['bearerToken']}"}
    answer = requests.post(place, json={}, headers=header, timeout=60)
    return json.loads(answer.text.splitlines()[2])["file"]["url"]


delta_sharing.get_table_version(url)  # imports and connections are not what is measured
link = presigned() if how == "pyarrow" else ""
start, before = perf_counter(), process_time()
if how == "pyarrow":
    content = requests.get(link, timeout=300).content
    frame = pq.read_table(io.BytesIO(content)).to_pandas()
else:
    frame = delta_sharing.load_as_pandas(url, use_delta_format=how == "delta")
print(json.dumps([len(frame), perf_counter() - start, process_time() - before]))
