"""What one would write without a library: AsyncOpenAI and a semaphore.

python -m benchmarks.baselines.bare PROMPTS.json WORKERS
"""

import asyncio
import json
import sys
from pathlib import Path

from openai import AsyncOpenAI


async def main(prompts: list[str], workers: int) -> None:
    client, slots = AsyncOpenAI(api_key="none"), asyncio.Semaphore(workers)

    async def ask(prompt: str) -> str:
        async with slots:
            completion = await client.chat.completions.create(model="m", messages=[{"role": "user", "content": prompt}])
        return completion.choices[0].message.content

    await asyncio.gather(*map(ask, prompts))


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text()), int(sys.argv[2])))
