"""Answer with a model in this process: greedy decoding, the longest prompts first, in batches."""

from collections.abc import Sequence
from dataclasses import dataclass

from tqdm import tqdm

from parts import answers
from parts.student import load

Passage = tuple[str, str]
"""heading, text"""


@dataclass(frozen=True)
class Response:
    """What the model said to one prompt."""

    text: str
    prompt_tokens: int
    new_tokens: int
    stopped: bool
    """by its own end token, not by the limit"""


class Engine:
    """A model and its tokenizer, ready to answer."""

    def __init__(self, model: str, tokenizer, max_new_tokens: int, max_prompt_tokens: int):
        self.model, self.tokenizer = load(model).eval(), tokenizer
        self.max_new_tokens, self.max_prompt_tokens = max_new_tokens, max_prompt_tokens

    def prompt(self, question: str, passages: Sequence[Passage]) -> tuple[str, int]:
        """Return the prompt for `question`, and how many of `passages` (best first) it shows: as many as there is room for.

        The best passage stands last, next to the question.
        """
        for shown in range(len(passages), -1, -1):
            chat = answers.ask(question, list(reversed(passages[:shown])))
            text = self.tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
            if shown == 0 or len(self.tokenizer(text, add_special_tokens=False).input_ids) <= self.max_prompt_tokens:
                break
        return text, shown

    def respond(self, prompts: Sequence[str], batch: int, what: str | None = None) -> list[Response]:
        """Return the response to each of `prompts`, `batch` at a time; `what` names the progress bar, None: no bar."""
        order = sorted(range(len(prompts)), key=lambda at: len(prompts[at]), reverse=True)
        found: dict[int, Response] = {}
        with tqdm(total=len(prompts), desc=what, disable=what is None, mininterval=1) as bar:
            for start in range(0, len(order), batch):
                take = order[start : start + batch]
                found |= zip(take, self._generate([prompts[at] for at in take]), strict=True)
                bar.update(len(take))
        return [found[at] for at in range(len(prompts))]

    def _generate(self, prompts: list[str]) -> list[Response]:
        import torch

        told = self.tokenizer(prompts, add_special_tokens=False, padding=True, return_tensors="pt").to(
            self.model.device
        )
        told.pop("token_type_ids", None)
        pad = self.tokenizer.pad_token_id
        with torch.inference_mode():
            made = self.model.generate(**told, max_new_tokens=self.max_new_tokens, do_sample=False, pad_token_id=pad)
        ends = self.model.generation_config.eos_token_id
        ends = set(ends if isinstance(ends, list) else [ends, self.tokenizer.eos_token_id])
        said = made[:, told["input_ids"].shape[1] :].tolist()
        return [self._response(*row, ends) for row in zip(said, told["attention_mask"].sum(1).tolist(), strict=True)]

    def _response(self, ids: list[int], prompt_tokens: int, ends: set[int]) -> Response:
        end = next((at for at, token in enumerate(ids) if token in ends), None)
        said = ids if end is None else ids[:end]
        text = self.tokenizer.decode(said, skip_special_tokens=True).strip()
        return Response(text, prompt_tokens, len(said) + (end is not None), end is not None)
