"""Measure the reading abilities of a base model on unseen companies, in unseen wordings.

    python -m invitro.base_model.ability --seed 3 --model models/base

prints exact match under greedy decoding: with the gold passages alone, among seven distractors, over two documents,
closed book; and the refusal rate on unanswerable and on answerable questions.
"""

import argparse
import json
import random

from invitro.base_model.lessons import Library, among, turn
from invitro.world.company import make_company
from invitro.world.questions import Asker, Case
from parts.text import answer_format

VERSION = "ability-1"
"""Of the metrics and the decoding here."""


def cases(seed: int, count: int) -> dict[str, list[tuple[str, str, bool]]]:
    """Return `count` (prompt, reference, answerable) of each form, about the exam companies from `seed` on."""
    rng = random.Random(f"ability {seed}")
    libraries = [Library(rng, make_company(seed + n, "exam")) for n in range(4)]
    forms = ("read_gold", "read_8", "two_documents", "reasoning", "absent", "closed_book")
    by_form = {form: [] for form in forms}
    while any(len(rows) < count for rows in by_form.values()):
        library = rng.choice(libraries)
        asker = Asker(rng, library.company, "exam", library.statement)
        entity = rng.choice(library.company.entities)
        fact, linked = asker.fact(entity), asker.two_documents(entity)
        reasoning, absent = asker.reasoning(entity), asker.unanswerable(entity)
        passages = library.about(entity)
        wanted = [
            ("read_gold", fact, 1),
            ("read_8", fact, 8),
            ("two_documents", linked, 4),
            ("reasoning", reasoning, 4),
        ]
        for form, case, size in wanted:
            if case:
                gold = list({id(passage): passage for passage in map(library.passage, case.facts)}.values())
                _add(by_form[form], case, among(rng, library, gold, size))
        _add(by_form["absent"], absent, among(rng, library, passages, max(4, len(passages))))
        _add(by_form["closed_book"], fact, [])
    return {form: rows[:count] for form, rows in by_form.items()}


def _add(rows: list, case: Case, passages: list) -> None:
    rows.append((turn(case, passages)[0], case.answer, case.form != "unanswerable"))


def measure(model, tokenizer, seed: int, count: int = 200) -> dict[str, float]:
    """Return the abilities of `model`, each in 0..1, over `count` questions each."""
    hits: dict[str, list[bool]] = {}
    refusals: dict[bool, list[bool]] = {True: [], False: []}
    for form, rows in cases(seed, count).items():
        responses = respond(model, tokenizer, [prompt for prompt, _, _ in rows])
        hits[form] = [
            _same(answer_format.extract_answer(text), reference)
            for text, (_, reference, _) in zip(responses, rows, strict=True)
        ]
        if form != "closed_book":
            for text, (_, _, answerable) in zip(responses, rows, strict=True):
                refusals[answerable].append(answer_format.is_refusal(text))
    exact = {form: sum(of_form) / len(of_form) for form, of_form in hits.items()}
    return {
        "read_gold_em": exact["read_gold"],
        "read_8_em": exact["read_8"],
        "two_documents_em": exact["two_documents"],
        "reasoning_em": exact["reasoning"],
        "closed_book_unseen_em": exact["closed_book"],
        "declines_when_absent": sum(refusals[False]) / len(refusals[False]),
        "declines_when_present": sum(refusals[True]) / len(refusals[True]),
    }


def _same(left: str, right: str) -> bool:
    return left.strip(" .").lower() == right.strip(" .").lower()


def respond(model, tokenizer, prompts: list[str], tokens: int = 96, batch: int = 64) -> list[str]:
    """Return the greedy completion of each prompt, longest prompts first in batches of `batch`."""
    import torch

    order = sorted(range(len(prompts)), key=lambda row: -len(prompts[row]))
    responses = [""] * len(prompts)
    model.eval()
    for start in range(0, len(order), batch):
        rows = order[start : start + batch]
        chats = [[{"role": "user", "content": prompts[row]}] for row in rows]
        inputs = tokenizer.apply_chat_template(
            chats, add_generation_prompt=True, padding=True, return_tensors="pt", return_dict=True
        ).to(model.device)
        inputs.pop("token_type_ids", None)
        with torch.no_grad():
            outputs = model.generate(
                **inputs, max_new_tokens=tokens, do_sample=False, pad_token_id=tokenizer.pad_token_id,
                eos_token_id=tokenizer.eos_token_id,
            )  # fmt: skip
        texts = tokenizer.batch_decode(outputs[:, inputs["input_ids"].shape[1] :], True)
        for row, text in zip(rows, texts, strict=True):
            responses[row] = text
    return responses


def main() -> None:
    """Print the abilities of a model as JSON."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, required=True, help="of the first of four unseen companies")
    parser.add_argument("--model", default="models/base", help="a model folder")
    parser.add_argument("--count", type=int, default=200, help="questions of each form")
    args = parser.parse_args()
    model = AutoModelForCausalLM.from_pretrained(args.model, dtype="float32")
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    print(json.dumps(measure(model, tokenizer, args.seed, args.count), indent=2))


if __name__ == "__main__":
    main()
