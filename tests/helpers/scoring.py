"""Score answers by the stage's own `score`, with the judge by rules."""

import asyncio

import polars as pl

from parts.llm.client import connect
from parts.project.sections import Server
from stages import score

JUDGE = Server(model="rules-judge-1", embedding="rules-embedding-1")
LAMP = "Dorva Lamp 200 costs 430 euros. It weighs 2.4 kg."


def row(question_id: str, response: str = "Answer: 430 euros", **changed) -> dict:
    question = {
        "question_id": question_id,
        "seed": 0,
        "question": "What does it cost?",
        "references": ["430 euros"],
        "answerable": True,
    }
    answer = {
        "options": None,
        "likeliest": None,
        "response": response,
        "shown": [LAMP],
        "gold": [LAMP],
        "stopped": True,
    }
    return question | answer | changed


def all_scores(*rows: dict, ask_ragas: bool = True) -> pl.DataFrame:
    async def run():
        async with connect(JUDGE) as client:
            return await score.score(list(rows), score.Params(judge=True, ragas=ask_ragas), client, "test")

    return asyncio.run(run())
