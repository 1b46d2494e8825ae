#!/usr/bin/env bash
# Fetch what a DVC remote has of this revision. Without one, or without leave to read it, all is made again.
set -euo pipefail
if [ -z "$(dvc remote list)" ]; then
  echo "no DVC remote: what is not in the cache is made again"
elif ! dvc pull --allow-missing; then
  echo "the DVC remote could not be read in full: what is missing is made again"
fi
