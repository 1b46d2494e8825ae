#!/usr/bin/env bash
# Install the lock into .venv, and put it on the path of later steps.
set -euo pipefail
make .venv/done
echo "$PWD/.venv/bin" >> "$GITHUB_PATH"
echo "PYTHONPATH=$PWD" >> "$GITHUB_ENV"
