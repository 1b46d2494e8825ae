"""Answer with a model behind a server of the OpenAI protocol, such as vLLM; an adapter is a model of its own there.

Uses the completions endpoint, with text that the student's chat template makes here: the model then reads the same as in
this process, whatever template, system message or thinking mode the server would add. Where the tokenizer adds tokens to
every text, such as a BOS token, the prompt is sent as token ids, to which no server adds any. Responses are not cached as
a teacher's are: after every training the same name is another model.
"""

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx

from parts.answering.engine import PromptBuilder, Response, geometric_mean
from parts.llm.server import NO_KEY, is_loopback, shown, without_key
from parts.project.errors import UserError
from parts.project.progress import ProgressBar
from parts.student.chat_format import ChatFormat
from parts.text import answer_format

if TYPE_CHECKING:
    from openai import Stream

RETRIES = 6
LONGEST = 300  # characters of a server's message that are shown
NO_END = "a response ended without a finish reason, or is no stream of events"
STOPPED, CUT_OFF = {"stop", "eos", "eos_token", "stop_sequence", "end_turn"}, {"length", "max_tokens"}


class Engine(PromptBuilder):
    """A model at a server, by its name there."""

    def __init__(self, url: str, model: str, chat: ChatFormat, max_new_tokens: int, max_prompt_tokens: int):
        from openai import DefaultHttpxClient, OpenAI

        super().__init__(chat, max_new_tokens, max_prompt_tokens)
        self.key = key = os.environ.get("CLOSEDBOOK_ENGINE_KEY") or NO_KEY
        timeout = float(os.environ.get("CLOSEDBOOK_TIMEOUT", "300"))
        self.model, self.url, self.clock = model, url, "wall"
        http = DefaultHttpxClient(trust_env=not is_loopback(url))  # prompts to this machine go to no proxy
        self.client = OpenAI(base_url=url, api_key=key, max_retries=RETRIES, timeout=timeout, http_client=http)
        # an adapter is served with the ends of its base: vLLM and SGLang stop by ids, others by texts
        self.logprobs = {"logprobs": 1}
        self.end_ids = {"stop_token_ids": sorted(chat.ends)}
        self.end_texts = chat.tokenizer.batch_decode([[token] for token in sorted(chat.ends)])

    def respond(self, prompts: Sequence[str], batch: int, desc: str | None = None) -> list[Response]:
        """Return the greedy response to each of `prompts`, `batch` at a time, with a progress bar where `desc` labels one.

        Raises UserError when the server does not answer.
        """
        with ThreadPoolExecutor(batch) as pool:
            responses = pool.map(self._respond, prompts)
            return list(ProgressBar(responses, desc=desc, total=len(prompts), disable=desc is None))

    def _respond(self, prompt: str) -> Response:
        start, first_token_seconds, pieces, finish_reason = time.perf_counter(), None, [], None
        logprobs: list[float] = []
        for piece, reason, piece_logprobs in self._stream(prompt):
            if piece and first_token_seconds is None:
                first_token_seconds = time.perf_counter() - start
            pieces.append(piece)
            logprobs += piece_logprobs
            finish_reason = reason or finish_reason
        if finish_reason not in STOPPED | CUT_OFF:
            ending = f"a response was ended by {finish_reason!r}" if finish_reason else NO_END
            raise self._user_error(ending)
        text, stopped = "".join(pieces), finish_reason in STOPPED
        if first_token_seconds is None:
            first_token_seconds = time.perf_counter() - start
        counts = self.tokens(prompt), self.tokens(text) + stopped
        return Response(text.strip(), *counts, stopped, first_token_seconds, geometric_mean(logprobs))

    def _stream(self, prompt: str) -> Iterator[tuple[str, str | None, list[float]]]:
        """Yield the pieces of a response as they come, with the finish reason where there is one, and log-probabilities."""
        from openai import OpenAIError

        request = {"model": self.model, "prompt": self._sent(prompt), "max_tokens": self.max_new_tokens}
        try:
            # closed here: the garbage collector would close it within any call of this thread, the connection pool's own too,
            # which then waits for itself
            with self._create(request | {"temperature": 0, "stream": True, "stop": self.end_texts}) as chunks:
                for chunk in chunks:
                    for choice in chunk.choices or []:  # a last event may have counts alone
                        # what has no text is of another endpoint
                        yield choice.text + "", choice.finish_reason, _logprobs(choice)
        except (OpenAIError, httpx.HTTPError) as error:  # of the request, and in the middle of the stream
            raise self._user_error(error) from error
        except (ValueError, AttributeError, TypeError) as error:  # openai does not check what is in an event
            raise self._user_error("an event of the stream is no completion") from error

    def _create(self, request: dict) -> "Stream":
        """Send `request`; without the ids to stop at, and then without log-probabilities, where the server refuses them."""
        from openai import BadRequestError, UnprocessableEntityError

        end_ids, logprobs = self.end_ids, self.logprobs
        try:
            return self.client.completions.create(**request, **logprobs, extra_body=end_ids)
        except (BadRequestError, UnprocessableEntityError):
            if not end_ids and not logprobs:
                raise
        if end_ids:
            self.end_ids = {}
        else:
            self.logprobs = {}
        return self._create(request)

    def choose(self, prompt: str, options: Sequence[str]) -> str | None:
        """Return the option of the highest mean log-probability per token after the prompt and `Answer:`.

        Reads the log-probabilities of the prompt (`echo`), as vLLM returns them; None where the server does not.
        Raises UserError when the server does not answer.
        """
        from openai import BadRequestError, OpenAIError, UnprocessableEntityError

        start = len(self._sent(prompt + answer_format.MARK))
        prompts = [self._sent(prompt + answer_format.format_answer("", option)) for option in options]
        request = {"model": self.model, "max_tokens": 1, "temperature": 0, "echo": True, "logprobs": 1}
        try:
            completions = [self.client.completions.create(prompt=prompt, **request) for prompt in prompts]
            means = [
                _mean_logprob(completion.choices[0].logprobs, start, prompt)
                for completion, prompt in zip(completions, prompts, strict=True)
            ]
        except (BadRequestError, UnprocessableEntityError):
            return None
        except OpenAIError as error:
            raise self._user_error(error) from error
        except (AttributeError, IndexError, TypeError, ValueError) as error:  # a page, or an error with status 200
            raise self._user_error("a response is no completion") from error
        return None if None in means else options[max(range(len(options)), key=means.__getitem__)]

    def _sent(self, prompt: str) -> str | list[int]:
        """Return `prompt` as it is sent: as token ids where the server's tokenizer would add some."""
        return self.chat.ids(prompt) if self.tokenizer("a").input_ids != self.chat.ids("a") else prompt

    def _user_error(self, error: Exception | str) -> UserError:
        words = without_key(str(error), self.key).splitlines() or [type(error).__name__]
        return UserError(
            f"{self.model} at {shown(self.url)}: {words[0][:LONGEST]}: check answer.served in params.yaml, "
            "CLOSEDBOOK_ENGINE_URL and CLOSEDBOOK_ENGINE_KEY"
        )


def _logprobs(choice) -> list[float]:
    """Return the log-probabilities of the tokens of a piece; none where the server tells none."""
    tokens = getattr(choice.logprobs, "token_logprobs", None) or []
    return [logprob for logprob in tokens if isinstance(logprob, float | int)]


def _mean_logprob(logprobs, start: int, prompt: str | list[int]) -> float | None:
    """Return the mean log-probability of the prompt's tokens from `start` on; None where the server has none.

    `start` is a character of a text, and the number of a token of token ids.
    """
    if logprobs is None or not logprobs.token_logprobs or not (logprobs.text_offset or isinstance(prompt, list)):
        return None
    numbers = logprobs.text_offset if isinstance(prompt, str) else range(len(logprobs.token_logprobs))
    places = zip(numbers, logprobs.token_logprobs, strict=True)
    values = [logprob for place, logprob in places if start <= place < len(prompt)]
    return sum(values) / len(values) if values else None
