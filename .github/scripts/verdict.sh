#!/usr/bin/env bash
# Run the pipeline, and write the comment on it against REVISION to FILE and to the job's summary.
# Exits with the pipeline's status. usage: verdict.sh REVISION FILE
set -euo pipefail
against=$1 comment=$2 log=$(mktemp) status=0
{ dvc repro && python -m commands.gate "$against"; } 2>&1 | tee "$log" || status=$?
if [ "$status" -eq 0 ]; then
  python -m commands.comment "$against" "$SECONDS" > "$comment"
else
  python -m commands.comment "$against" "$SECONDS" "$log" > "$comment"
fi
cat "$comment" >> "${GITHUB_STEP_SUMMARY:-/dev/null}"
exit "$status"
