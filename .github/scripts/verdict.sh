#!/usr/bin/env bash
# Run the pipeline, and write what a pull request is told of it against REVISION: to FILE, and to the job's summary.
# Ends as the pipeline does. usage: verdict.sh REVISION FILE
set -euo pipefail
against=$1 told=$2 log=$(mktemp) status=0
{ dvc repro && python -m commands.gate "$against"; } 2>&1 | tee "$log" || status=$?
if [ "$status" -eq 0 ]; then
  python -m commands.comment "$against" "$SECONDS" > "$told"
else
  python -m commands.comment "$against" "$SECONDS" "$log" > "$told"
fi
cat "$told" >> "${GITHUB_STEP_SUMMARY:-/dev/null}"
exit "$status"
