"""Answer with a model in this process: greedy decoding in batches of like length, which a finished answer leaves at once.

transformers' own `generate` decodes a batch until its longest answer ends, static cache or not; answers differ in
length by a factor of ten, so most of its steps are for rows that said all they had to say (LOG.md has the figures).
"""

import time
from collections.abc import Iterator, Sequence

from tqdm import tqdm

from parts import answers
from parts.asking import Asking, Response
from parts.student import load

ROOM = 8192
"""Prompt tokens that a batch may hold, padding included: past some thousand a CPU gains nothing, and a GPU runs out."""


class Engine(Asking):
    """A model and its tokenizer, ready to answer."""

    def __init__(self, model: str, tokenizer, max_new_tokens: int, max_prompt_tokens: int, merge: bool = True):
        super().__init__(tokenizer, max_new_tokens, max_prompt_tokens)
        self.model = load(model, merge).eval()
        ends = self.model.generation_config.eos_token_id
        self.ends = {*(ends if isinstance(ends, list) else [ends]), tokenizer.eos_token_id} - {None}

    def respond(self, prompts: Sequence[str], batch: int, what: str | None = None) -> list[Response]:
        """Return the response to each of `prompts`, `batch` at a time; `what` names the progress bar, None: no bar."""
        read = self.tokenizer(list(prompts), add_special_tokens=False).input_ids if prompts else []
        found: dict[int, Response] = {}
        with tqdm(total=len(prompts), desc=what, disable=what is None, mininterval=1) as bar:
            for take in batches([len(ids) for ids in read], batch):
                found |= zip(take, self._generate([read[at] for at in take]), strict=True)
                bar.update(len(take))
        return [found[at] for at in range(len(prompts))]

    def _generate(self, read: list[list[int]]) -> list[Response]:
        import torch

        start, first, said = time.perf_counter(), None, [[] for _ in read]
        with torch.inference_mode():
            for row, token in self._tokens(read):
                first = first or time.perf_counter() - start
                said[row].append(token)
        return [self._response(ids, len(asked), first) for ids, asked in zip(said, read, strict=True)]

    def _tokens(self, read: list[list[int]]) -> Iterator[tuple[int, int]]:
        """Yield (row, token) step by step, the greedy continuation of each of `read` up to its end or the limit."""
        import torch

        told = self.tokenizer.pad({"input_ids": read}, return_tensors="pt").to(self.model.device)
        ids, mask = told["input_ids"], told["attention_mask"]
        places = (mask.cumsum(1) - 1).clamp(min=0)
        rows, cache = list(range(len(read))), None
        for step in range(self.max_new_tokens):
            made = self.model(
                input_ids=ids, attention_mask=mask, position_ids=places, past_key_values=cache, use_cache=True,
                logits_to_keep=1,
            )  # fmt: skip
            cache, tokens = made.past_key_values, made.logits[:, -1].argmax(-1)
            listed = tokens.tolist()
            yield from zip(rows, listed, strict=True)
            going = [at for at, token in enumerate(listed) if token not in self.ends]
            if not going or step == self.max_new_tokens - 1:
                return
            if len(going) < len(rows):
                kept = torch.tensor(going, device=tokens.device)
                cache.batch_select_indices(kept)
                rows, tokens, mask, places = [rows[at] for at in going], tokens[kept], mask[kept], places[kept]
            ids, mask = tokens[:, None], torch.nn.functional.pad(mask, (0, 1), value=1)
            places = places[:, -1:] + 1

    def _response(self, ids: list[int], prompt_tokens: int, first: float) -> Response:
        stopped = ids[-1] in self.ends
        text = self.tokenizer.decode(ids[:-1] if stopped else ids, skip_special_tokens=True).strip()
        return Response(text, prompt_tokens, len(ids), stopped, first)

    def choose(self, prompt: str, options: Sequence[str]) -> str:
        """Return the option of the highest mean log-probability per token after the prompt and the mark of an answer.

        By token, for options differ in length. The prompt is read once, and what it was read to serves every option.
        """
        import torch

        before = self.tokenizer(prompt + answers.MARK, add_special_tokens=False).input_ids
        whole = self.tokenizer(
            [prompt + answers.write("", each) for each in options], add_special_tokens=False
        ).input_ids
        while any(ids[: len(before)] != before for ids in whole):
            before.pop()  # the mark's last token may end otherwise before an option
        after = [torch.tensor(ids[len(before) :]) for ids in whole]
        wanted = torch.nn.utils.rnn.pad_sequence(after, batch_first=True, padding_value=-1).to(self.model.device)
        with torch.inference_mode():
            made = self.model(input_ids=torch.tensor([before], device=wanted.device), use_cache=True, logits_to_keep=1)
            cache, first = made.past_key_values, made.logits.expand(len(options), -1, -1)
            cache.batch_repeat_interleave(len(options))
            logits = self.model(input_ids=wanted.clamp(min=0), past_key_values=cache).logits  # padded on the right
        sure = torch.cat([first, logits[:, :-1]], 1).float().log_softmax(-1)
        each = sure.gather(-1, wanted.clamp(min=0)[..., None])[..., 0].masked_fill(wanted < 0, 0)
        return options[int((each.sum(1) / (wanted >= 0).sum(1)).argmax())]


def batches(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Yield the places of `lengths`, the longest first, in batches of at most `most` that have room for their padding."""
    order = sorted(range(len(lengths)), key=lambda at: (-lengths[at], at))
    while order:
        size = max(1, min(most, ROOM // max(1, lengths[order[0]])))
        yield order[:size]
        order = order[size:]
