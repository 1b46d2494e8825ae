"""Answer with a model in this process, by batched greedy decoding (parts/answering/decoding.py)."""

import sys
import time
from collections.abc import Sequence

from parts.answering.decoding import greedy
from parts.answering.engine import PromptBuilder, Response, geometric_mean
from parts.project.errors import UserError
from parts.project.progress import ProgressBar
from parts.student.chat_format import ChatFormat
from parts.student.memory import FULL, is_full
from parts.student.model import load
from parts.text import answer_format

ONE = "one question and its answer do not fit; make answer.max_prompt_tokens smaller, or name a smaller model"
"""What to do where it is full by one question."""

TIES = {4: 0.001, 2: 0.5}
"""Difference of two tokens' log-probabilities that rounding makes, by the bytes of a number."""


class Engine(PromptBuilder):
    """A model and its chat format. `ends` are the ids of the tokens that it stops at."""

    def __init__(
        self, model: str, chat: ChatFormat, max_new_tokens: int, max_prompt_tokens: int,
        merge: bool = True, gguf_file: str | None = None,
    ):  # fmt: skip
        super().__init__(chat, max_new_tokens, max_prompt_tokens)
        self.model = load(model, merge, gguf_file=gguf_file).eval()
        self.most_rows = sys.maxsize  # at once, as far as memory has been full
        self.clock = "cpu" if self.model.device.type == "cpu" else "wall"
        self.ends = chat.stops(self.model)

    def respond(self, prompts: Sequence[str], batch: int, desc: str | None = None) -> list[Response]:
        """Return the greedy response to each of `prompts`, with a progress bar where `desc` labels one.

        `batch` are answered at a time: half as many, and begun again, whenever the memory of the device is full. Raises
        UserError where it is full by one.
        """
        from accelerate.utils.memory import clear_device_cache

        while True:
            size = min(batch, self.most_rows)
            try:
                return self._responses(prompts, size, desc)
            except RuntimeError as error:
                if not is_full(error):
                    raise
                if size == 1:
                    raise UserError(f"{FULL}: {ONE}") from error
            self.most_rows = size // 2
            clear_device_cache(garbage_collection=True)

    def _responses(self, prompts: Sequence[str], batch: int, desc: str | None) -> list[Response]:
        import torch

        prompt_ids = self.tokenizer(list(prompts), add_special_tokens=False).input_ids if prompts else []
        start, first_token_seconds = time.perf_counter(), {}
        new_ids, logprobs = [[] for _ in prompt_ids], [[] for _ in prompt_ids]
        with torch.inference_mode(), ProgressBar(total=len(prompt_ids), desc=desc, disable=desc is None) as bar:
            for row, token, logprob in greedy(
                self.model, self.tokenizer, prompt_ids, self.ends, self.max_new_tokens, batch
            ):
                first_token_seconds.setdefault(row, time.perf_counter() - start)
                new_ids[row].append(token)
                logprobs[row].append(logprob)
                bar.update(token in self.ends or len(new_ids[row]) == self.max_new_tokens)
        return [
            self._response(new_ids[row], logprobs[row], len(ids), first_token_seconds[row])
            for row, ids in enumerate(prompt_ids)
        ]

    def _response(
        self, ids: list[int], logprobs: list[float], prompt_tokens: int, first_token_seconds: float
    ) -> Response:
        stopped = ids[-1] in self.ends
        text = self.tokenizer.decode(ids[:-1] if stopped else ids, skip_special_tokens=True).strip()
        return Response(text, prompt_tokens, len(ids), stopped, first_token_seconds, geometric_mean(logprobs))

    def differs(self, prompt: str, own: Response, other: Response) -> bool:
        """Tell whether `other`, of another engine, is an answer that this model would not give as its `own`.

        Where the two part, one token may be as likely as the other but for rounding: that is no difference.
        """
        import torch

        if own.text == other.text:
            return False
        answers = [f"{response.text}{self.chat.end if response.stopped else ''}" for response in (own, other)]
        ids, others = (self.chat.ids(f"{prompt}{self.chat.lead}{answer}") for answer in answers)
        parted = next((n for n, pair in enumerate(zip(ids, others, strict=False)) if len(set(pair)) > 1), None)
        if parted is None:
            return True
        with torch.inference_mode():
            logits = self.model(torch.tensor([ids[:parted]], device=self.model.device), logits_to_keep=1).logits[0, -1]
        preference = logits.float()[ids[parted]] - logits.float()[others[parted]]  # of log-probabilities too
        return bool(preference > TIES[logits.dtype.itemsize])

    def choose(self, prompt: str, options: Sequence[str]) -> str:
        """Return the option of the highest mean log-probability per token after the prompt and `Answer:`.

        By token, for options differ in length. The prompt is prefilled once, and its cache serves every option.
        """
        import torch

        prefix = self.tokenizer(prompt + answer_format.MARK, add_special_tokens=False).input_ids
        texts = [prompt + answer_format.format_answer("", option) for option in options]
        text_ids = self.tokenizer(texts, add_special_tokens=False).input_ids
        while any(ids[: len(prefix)] != prefix for ids in text_ids):
            prefix.pop()  # the last token of `Answer:` may be another one before an option
        endings = [torch.tensor(ids[len(prefix) :]) for ids in text_ids]
        targets = torch.nn.utils.rnn.pad_sequence(endings, batch_first=True, padding_value=-1).to(self.model.device)
        with torch.inference_mode():
            outputs = self.model(
                input_ids=torch.tensor([prefix], device=targets.device), use_cache=True, logits_to_keep=1
            )
            cache, first_logits = outputs.past_key_values, outputs.logits.expand(len(options), -1, -1)
            cache.batch_repeat_interleave(len(options))
            logits = self.model(input_ids=targets.clamp(min=0), past_key_values=cache).logits  # padded on the right
        logprobs = torch.cat([first_logits, logits[:, :-1]], 1).float().log_softmax(-1)
        chosen = logprobs.gather(-1, targets.clamp(min=0)[..., None])[..., 0].masked_fill(targets < 0, 0)
        return options[int((chosen.sum(1) / (targets >= 0).sum(1)).argmax())]
