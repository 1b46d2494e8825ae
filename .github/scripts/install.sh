#!/usr/bin/env bash
# Install the lock into .venv, with the build of torch for a machine without a GPU, and put it on the path of later steps.
set -euo pipefail
python -m venv .venv
.venv/bin/python -m pip install --quiet --index-url https://download.pytorch.org/whl/cpu "$(grep -o '^torch==[0-9.]*' requirements.txt)"
make .venv/done
echo "$PWD/.venv/bin" >> "$GITHUB_PATH"
echo "PYTHONPATH=$PWD" >> "$GITHUB_ENV"
