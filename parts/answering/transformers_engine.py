"""Answer with a model in this process: greedy decoding, many answers at once (parts/answering/decoding.py)."""

import time
from collections.abc import Sequence

from parts.answering.decoding import greedy
from parts.answering.engine import PromptBuilder, Response
from parts.project import answer_format
from parts.project.progress import ProgressBar
from parts.student.model import load


class Engine(PromptBuilder):
    """A model and its tokenizer, ready to answer."""

    def __init__(self, model: str, tokenizer, max_new_tokens: int, max_prompt_tokens: int, merge: bool = True):
        super().__init__(tokenizer, max_new_tokens, max_prompt_tokens)
        self.model = load(model, merge).eval()
        ends = self.model.generation_config.eos_token_id
        self.ends = {*(ends if isinstance(ends, list) else [ends]), tokenizer.eos_token_id} - {None}

    def respond(self, prompts: Sequence[str], batch: int, what: str | None = None) -> list[Response]:
        """Return the response to each of `prompts`, `batch` at a time; `what` names the progress bar, None: no bar."""
        import torch

        read = self.tokenizer(list(prompts), add_special_tokens=False).input_ids if prompts else []
        start, first, said = time.perf_counter(), {}, [[] for _ in read]
        with torch.inference_mode(), ProgressBar(total=len(read), desc=what, disable=what is None) as bar:
            for row, token in greedy(self.model, self.tokenizer, read, self.ends, self.max_new_tokens, batch):
                first.setdefault(row, time.perf_counter() - start)
                said[row].append(token)
                bar.update(token in self.ends or len(said[row]) == self.max_new_tokens)
        return [
            self._response(ids, len(asked), first[row]) for row, (ids, asked) in enumerate(zip(said, read, strict=True))
        ]

    def _response(self, ids: list[int], prompt_tokens: int, first: float) -> Response:
        stopped = ids[-1] in self.ends
        text = self.tokenizer.decode(ids[:-1] if stopped else ids, skip_special_tokens=True).strip()
        return Response(text, prompt_tokens, len(ids), stopped, first)

    def choose(self, prompt: str, options: Sequence[str]) -> str:
        """Return the option of the highest mean log-probability per token after the prompt and the mark of an answer.

        By token, for options differ in length. The prompt is read once, and what it was read to serves every option.
        """
        import torch

        before = self.tokenizer(prompt + answer_format.MARK, add_special_tokens=False).input_ids
        whole = self.tokenizer(
            [prompt + answer_format.format_answer("", each) for each in options], add_special_tokens=False
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
