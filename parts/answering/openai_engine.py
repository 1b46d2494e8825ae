"""Answer with a model behind a server of the OpenAI protocol, such as vLLM; an adapter is a model of its own there.

Uses the completions endpoint, with text that the student's chat template makes here: the model then reads the same as in
this process, whatever template, system message or thinking mode the server would add. Responses are not cached as a
teacher's are: after every training the same name is another model.
"""

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from parts.answering.engine import PromptBuilder, Response
from parts.llm.server import is_loopback
from parts.project.errors import UserError
from parts.project.progress import ProgressBar
from parts.text import answer_format

RETRIES = 6


class Engine(PromptBuilder):
    """A model at a server, by its name there."""

    def __init__(self, url: str, model: str, tokenizer, max_new_tokens: int, max_prompt_tokens: int):
        from openai import DefaultHttpxClient, OpenAI

        super().__init__(tokenizer, max_new_tokens, max_prompt_tokens)
        key = os.environ.get("CLOSEDBOOK_ENGINE_KEY") or "none"
        timeout = float(os.environ.get("CLOSEDBOOK_TIMEOUT", "300"))
        self.model, self.url, self.clock = model, url, "wall"
        http = DefaultHttpxClient(trust_env=not is_loopback(url))  # prompts to this machine go to no proxy
        self.client = OpenAI(base_url=url, api_key=key, max_retries=RETRIES, timeout=timeout, http_client=http)

    def respond(self, prompts: Sequence[str], batch: int, desc: str | None = None) -> list[Response]:
        """Return the greedy response to each of `prompts`, `batch` at a time, with a progress bar where `desc` labels one.

        Raises UserError when the server does not answer.
        """
        with ThreadPoolExecutor(batch) as pool:
            responses = pool.map(self._respond, prompts)
            return list(ProgressBar(responses, desc=desc, total=len(prompts), disable=desc is None))

    def _respond(self, prompt: str) -> Response:
        start, first_token_seconds, pieces, finish_reason = time.perf_counter(), None, [], None
        for choice in self._stream(prompt):
            if choice.text and first_token_seconds is None:
                first_token_seconds = time.perf_counter() - start
            pieces.append(choice.text or "")
            finish_reason = choice.finish_reason or finish_reason
        text, stopped = "".join(pieces), finish_reason == "stop"
        if first_token_seconds is None:
            first_token_seconds = time.perf_counter() - start
        return Response(text.strip(), self.tokens(prompt), self.tokens(text) + stopped, stopped, first_token_seconds)

    def _stream(self, prompt: str) -> Iterator:
        from openai import OpenAIError

        text = self._without_bos(prompt)
        request = {"model": self.model, "prompt": text, "max_tokens": self.max_new_tokens, "temperature": 0}
        try:
            for chunk in self.client.completions.create(**request, stream=True):
                yield from chunk.choices
        except OpenAIError as error:
            raise self._user_error(error) from error

    def choose(self, prompt: str, options: Sequence[str]) -> str | None:
        """Return the option of the highest mean log-probability per token after the prompt and `Answer:`.

        Reads the log-probabilities of the prompt (`echo`), as vLLM returns them; None where the server does not.
        Raises UserError when the server does not answer.
        """
        from openai import BadRequestError, OpenAIError, UnprocessableEntityError

        start = len(self._without_bos(prompt + answer_format.MARK))
        texts = [self._without_bos(prompt + answer_format.format_answer("", option)) for option in options]
        try:
            completions = [
                self.client.completions.create(
                    model=self.model, prompt=text, max_tokens=1, temperature=0, echo=True, logprobs=1
                )
                for text in texts
            ]
        except (BadRequestError, UnprocessableEntityError):
            return None
        except OpenAIError as error:
            raise self._user_error(error) from error
        means = [
            _mean_logprob(completion.choices[0].logprobs, start, len(text))
            for completion, text in zip(completions, texts, strict=True)
        ]
        return None if None in means else options[max(range(len(options)), key=means.__getitem__)]

    def _without_bos(self, prompt: str) -> str:
        """Return `prompt` without its BOS token where the server's tokenizer adds one, so that it is there once."""
        bos = self.tokenizer.bos_token
        adds_bos = bos and self.tokenizer("a").input_ids[:1] == [self.tokenizer.bos_token_id]
        return prompt.removeprefix(bos) if adds_bos else prompt

    def _user_error(self, error: Exception) -> UserError:
        return UserError(
            f"{self.model} at {self.url}: {str(error).splitlines()[0]}: check answer.served in params.yaml, "
            "CLOSEDBOOK_ENGINE_URL and CLOSEDBOOK_ENGINE_KEY"
        )


def _mean_logprob(logprobs, start: int, end: int) -> float | None:
    """Return the mean log-probability of the tokens from character `start` to `end`; None where the server has none."""
    if logprobs is None or not logprobs.text_offset:
        return None
    offsets = zip(logprobs.text_offset, logprobs.token_logprobs, strict=True)
    values = [logprob for offset, logprob in offsets if start <= offset < end]
    return sum(values) / len(values) if values else None
