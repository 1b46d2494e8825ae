"""Measure what a base model can do on companies it has never met, in wordings it has never read.

    python -m invitro.base_model.ability --seed 3 --model models/base

prints the share of exact answers, greedy decoding: with the gold passages alone, among seven distractors, over two
documents, closed book; and how often the model says that the documents do not tell, when they do not and when they do.
"""

import argparse
import json
import random

from invitro.base_model.lessons import Library, among, turn
from invitro.world.company import make_company
from invitro.world.questions import Asker, Case
from parts.project import answer_format

VERSION = "ability-1"
"""Of what counts as right here, and of how it is decoded."""


def cases(seed: int, count: int) -> dict[str, list[tuple[str, str, bool]]]:
    """Return `count` (prompt, reference, answerable) of each form, about the exam companies from `seed` on."""
    rng = random.Random(f"ability {seed}")
    libraries = [Library(rng, make_company(seed + at, "exam")) for at in range(4)]
    forms = ("read_gold", "read_8", "two_documents", "reasoning", "absent", "closed_book")
    found = {form: [] for form in forms}
    while any(len(rows) < count for rows in found.values()):
        library = rng.choice(libraries)
        asker = Asker(rng, library.company, "exam", library.said)
        entity = rng.choice(library.company.entities)
        fact, two, step, no = (
            asker.fact(entity),
            asker.two_documents(entity),
            asker.reasoning(entity),
            asker.unanswerable(entity),
        )
        own = library.of(entity)
        wanted = [("read_gold", fact, 1), ("read_8", fact, 8), ("two_documents", two, 4), ("reasoning", step, 4)]
        for form, case, size in wanted:
            if case:
                gold = list({id(passage): passage for passage in map(library.stating, case.facts)}.values())
                _put(found[form], case, among(rng, library, gold, size))
        _put(found["absent"], no, among(rng, library, own, max(4, len(own))))
        _put(found["closed_book"], fact, [])
    return {form: rows[:count] for form, rows in found.items()}


def _put(rows: list, case: Case, passages: list) -> None:
    rows.append((turn(case, passages)[0], case.answer, case.form != "unanswerable"))


def measure(model, tokenizer, seed: int, count: int = 200) -> dict[str, float]:
    """Return the abilities of `model`, each in 0..1, over `count` questions each."""
    said: dict[str, list[bool]] = {}
    declines: dict[bool, list[bool]] = {True: [], False: []}
    for form, rows in cases(seed, count).items():
        responses = respond(model, tokenizer, [prompt for prompt, _, _ in rows])
        said[form] = [
            _same(answer_format.extract_answer(text), reference)
            for text, (_, reference, _) in zip(responses, rows, strict=True)
        ]
        if form not in ("closed_book",):
            for text, (_, _, answerable) in zip(responses, rows, strict=True):
                declines[answerable].append(answer_format.is_refusal(text))
    share = {form: sum(hits) / len(hits) for form, hits in said.items()}
    return {
        "read_gold_em": share["read_gold"],
        "read_8_em": share["read_8"],
        "two_documents_em": share["two_documents"],
        "reasoning_em": share["reasoning"],
        "closed_book_unseen_em": share["closed_book"],
        "declines_when_absent": sum(declines[False]) / len(declines[False]),
        "declines_when_present": sum(declines[True]) / len(declines[True]),
    }


def _same(one: str, two: str) -> bool:
    return one.strip(" .").lower() == two.strip(" .").lower()


def respond(model, tokenizer, prompts: list[str], tokens: int = 96, batch: int = 64) -> list[str]:
    """Return the greedy completion of each prompt, longest prompts first in batches of `batch`."""
    import torch

    order = sorted(range(len(prompts)), key=lambda at: -len(prompts[at]))
    found = [""] * len(prompts)
    model.eval()
    for start in range(0, len(order), batch):
        take = order[start : start + batch]
        chats = [[{"role": "user", "content": prompts[at]}] for at in take]
        told = tokenizer.apply_chat_template(
            chats, add_generation_prompt=True, padding=True, return_tensors="pt", return_dict=True
        ).to(model.device)
        told.pop("token_type_ids", None)
        with torch.no_grad():
            made = model.generate(
                **told, max_new_tokens=tokens, do_sample=False, pad_token_id=tokenizer.pad_token_id,
                eos_token_id=tokenizer.eos_token_id,
            )  # fmt: skip
        for at, text in zip(take, tokenizer.batch_decode(made[:, told["input_ids"].shape[1] :], True), strict=True):
            found[at] = text
    return found


def main() -> None:
    """Print the abilities of a model as JSON."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--seed", type=int, required=True, help="of the first of four unseen companies")
    args.add_argument("--model", default="models/base", help="a model folder")
    args.add_argument("--count", type=int, default=200, help="questions of each form")
    given = args.parse_args()
    model = AutoModelForCausalLM.from_pretrained(given.model, dtype="float32")
    print(json.dumps(measure(model, AutoTokenizer.from_pretrained(given.model), given.seed, given.count), indent=2))


if __name__ == "__main__":
    main()
