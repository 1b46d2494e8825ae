"""The same prompts by bespokelabs-curator, in an environment of its own (0.1.31 does not go with our openai).

PYTHON curator.py PROMPTS.json WORKERS
"""

import json
import os
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

# litellm, which curator needs, has in its wheel the vocabulary that tiktoken would fetch
VOCABULARY = Path(find_spec("litellm").origin).parent / "litellm_core_utils/tokenizers"
os.environ |= {"TIKTOKEN_CACHE_DIR": str(VOCABULARY), "CUSTOM_TIKTOKEN_CACHE_DIR": str(VOCABULARY)}
os.environ |= {"CURATOR_DISABLE_CACHE": "1", "TELEMETRY_ENABLED": "false", "CURATOR_CACHE_DIR": tempfile.mkdtemp()}
os.environ |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "CURATOR_VIEWER": "0"}


def main(prompts: list[str], workers: int) -> None:
    from bespokelabs import curator  # reads the environment

    limits = {"max_requests_per_minute": 10**7, "max_tokens_per_minute": 10**10, "max_concurrent_requests": workers}
    limits |= {"base_url": os.environ["OPENAI_BASE_URL"], "require_all_responses": True}
    model = curator.LLM(model_name="gpt-4o-mini", backend="openai", backend_params=limits)
    model(prompts)


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()), int(sys.argv[2]))
