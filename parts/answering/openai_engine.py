"""Answer with a model behind a server of the OpenAI protocol, such as vLLM; an adapter has a model's name there.

By the completions endpoint, with the text that the student's own chat template makes here: what the model reads is then
the same as in this process, whatever template, system words or way of thinking the server would put in. Nothing is
kept between runs as a teacher's answers are, for under one name there is another model after every training.
"""

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from parts.answering.engine import PromptBuilder, Response
from parts.project import answer_format
from parts.project.progress import ProgressBar
from schemas.errors import UserError

RETRIES = 6


class Engine(PromptBuilder):
    """A model at a server, by its name there."""

    def __init__(self, url: str, model: str, tokenizer, max_new_tokens: int, max_prompt_tokens: int):
        from openai import OpenAI

        super().__init__(tokenizer, max_new_tokens, max_prompt_tokens)
        key = os.environ.get("CLOSEDBOOK_ENGINE_KEY") or "none"
        limit = float(os.environ.get("CLOSEDBOOK_TIMEOUT", "300"))
        self.model, self.url = model, url
        self.client = OpenAI(base_url=url, api_key=key, max_retries=RETRIES, timeout=limit)

    def respond(self, prompts: Sequence[str], batch: int, what: str | None = None) -> list[Response]:
        """Return the response to each of `prompts`, `batch` at a time; `what` names the progress bar, None: no bar.

        Raises Mistake when the server does not answer.
        """
        with ThreadPoolExecutor(batch) as pool:
            replies = pool.map(self._ask, prompts)
            return list(ProgressBar(replies, desc=what, total=len(prompts), disable=what is None))

    def _ask(self, prompt: str) -> Response:
        start, first, said, ended = time.perf_counter(), None, [], None
        for choice in self._stream(prompt):
            if choice.text and first is None:
                first = time.perf_counter() - start
            said.append(choice.text or "")
            ended = choice.finish_reason or ended
        text, stopped = "".join(said), ended == "stop"
        took = time.perf_counter() - start if first is None else first
        return Response(text.strip(), self.tokens(prompt), self.tokens(text) + stopped, stopped, took)

    def _stream(self, prompt: str) -> Iterator:
        from openai import OpenAIError

        sent = {"model": self.model, "prompt": self._bare(prompt), "max_tokens": self.max_new_tokens, "temperature": 0}
        try:
            for part in self.client.completions.create(**sent, stream=True):
                yield from part.choices
        except OpenAIError as error:
            raise self._silent(error) from error

    def choose(self, prompt: str, options: Sequence[str]) -> str | None:
        """Return the option of the highest mean log-probability per token after the prompt and the mark of an answer.

        By a prompt's own log-probabilities (`echo`), as vLLM gives them; None where the server does not.
        """
        from openai import BadRequestError, OpenAIError, UnprocessableEntityError

        start = len(self._bare(prompt + answer_format.MARK))
        asked = [self._bare(prompt + answer_format.format_answer("", option)) for option in options]
        try:
            made = [
                self.client.completions.create(
                    model=self.model, prompt=text, max_tokens=1, temperature=0, echo=True, logprobs=1
                )
                for text in asked
            ]
        except (BadRequestError, UnprocessableEntityError):
            return None
        except OpenAIError as error:
            raise self._silent(error) from error
        sure = [_mean(one.choices[0].logprobs, start, len(text)) for one, text in zip(made, asked, strict=True)]
        return None if None in sure else options[max(range(len(options)), key=sure.__getitem__)]

    def _bare(self, prompt: str) -> str:
        """Return `prompt` without the token that a server puts before every prompt by itself, so that it is there once."""
        begins = self.tokenizer.bos_token
        adds = begins and self.tokenizer("a").input_ids[:1] == [self.tokenizer.bos_token_id]
        return prompt.removeprefix(begins) if adds else prompt

    def _silent(self, error: Exception) -> UserError:
        return UserError(
            f"{self.model} at {self.url}: {str(error).splitlines()[0]}: check answer.served in params.yaml, "
            "CLOSEDBOOK_ENGINE_URL and CLOSEDBOOK_ENGINE_KEY"
        )


def _mean(found, start: int, end: int) -> float | None:
    """Return the mean log-probability of the tokens from character `start` to `end`; None when the server tells none."""
    if found is None or not found.text_offset:
        return None
    own = [sure for at, sure in zip(found.text_offset, found.token_logprobs, strict=True) if start <= at < end]
    return sum(own) / len(own) if own else None
