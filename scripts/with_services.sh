#!/usr/bin/env bash
# Run a command with the addresses of the test servers that are running; start none.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
for service in s3 postgres; do
  "$here/$service.sh" status >/dev/null 2>&1 || continue
  if addresses="$("$here/$service.sh" env 2>/dev/null)"; then eval "$addresses"; fi
done
exec "$@"
