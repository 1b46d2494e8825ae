"""When a run must end for what its server does, and in which words; what may pass later, and what is one prompt's own."""

from collections import Counter

from parts.llm import dialect, server
from parts.llm.budget import Meter
from parts.llm.request import Shape
from parts.llm.server_reply import DROPPED, LATE, ServerReply
from parts.project.errors import UserError

MAX_RETRY_AFTER = 600  # seconds; when a server asks for more, the run ends
FATAL = {401, 402, 403, 404}  # every other request would fail likewise
FIRST_REFUSALS = 5  # of requests of one shape, none of which was answered: the others would be refused, too
GIVEN_UP = 3  # requests, one after the other, with no answer to any other meanwhile: the run ends

EMBEDDINGS = "/embeddings"


class Failures:
    """Counts the failures of requests to the server at `url`; `key` is kept out of what it says."""

    def __init__(self, url: str, key: str, meter: Meter):
        self.address, self.key, self.meter = server.shown(url), key, meter
        self.n_answers = 0
        self.n_given_up = 0  # since the last answer
        self.refusals: Counter[Shape] = Counter()
        self.accepted: set[Shape] = set()
        self.refusal = ""  # the server's words of the last one

    def on_answer(self) -> None:
        """Note that a request was answered."""
        self.n_answers, self.n_given_up = self.n_answers + 1, 0

    def note(self, reply: ServerReply) -> None:
        """Keep the words of a reply, for when nothing else is left to tell."""
        self.refusal = self.without_key(reply.words)

    def on_refused(self, reply: ServerReply, shape: Shape, model: str) -> None:
        """Note a refusal. Raises UserError where no request of its shape was accepted."""
        self.note(reply)
        self.refusals[shape] += not dialect.is_of_the_prompt(reply.status, reply.body)
        if self.refusals[shape] >= FIRST_REFUSALS and shape not in self.accepted:
            raise UserError(
                f"{model} at {self.address} refuses these requests ({reply.status}), nothing more was asked: "
                f"{self.refusal or 'it does not say why'}"
            )

    def on_given_up(self, reply: ServerReply, model: str, n_answers: int, n_responses: int) -> None:
        """Note a request that may be answered later; `n_answers` had come when it began, and `n_responses` by now.

        Raises UserError where no other is answered, either.
        """
        if reply.problem in (DROPPED, LATE) and not n_responses:
            raise self.unreachable(model, "timed out" if reply.problem == LATE else "no answer", reply.words)
        self.n_given_up += self.n_answers == n_answers
        self.meter.unanswered[reply.problem] += 1
        if self.n_given_up >= GIVEN_UP:
            raise UserError(
                f"{model} at {self.address} answers no more: {self.n_given_up} requests in a row were given up, the last "
                f"one {reply.problem}{self._in_brackets(reply.words)}; what was answered is kept: run the same command again "
                "later"
            )

    def raise_what_is_final(self, path: str, reply: ServerReply, model: str) -> None:
        """Raise UserError for a reply that every other request would get likewise."""
        if path == EMBEDDINGS and reply.status == 404:
            raise UserError(
                f"{model} at {self.address}: there are no embeddings of that model (404): name one that the server has in "
                "judge.embedding of params.yaml, or set score.ragas: false"
            )
        is_moderation = reply.status == 403 and dialect.is_of_the_prompt(reply.status, reply.body)
        if (reply.status in FATAL and not is_moderation) or b"insufficient_quota" in reply.body:
            raise self.unreachable(model, reply.status, reply.words)
        if 300 <= reply.status < 400:
            raise self.unreachable(model, f"moved ({reply.status})", reply.words)
        if reply.wait and reply.wait > MAX_RETRY_AFTER:
            raise UserError(f"{model} at {self.address}: takes no requests for {reply.wait:.0f} s: run again then")

    def unreachable(self, model: str, cause: int | str, words: str = "") -> UserError:
        """Return the error for a server that answers no request."""
        return UserError(
            f"{model} at {self.address}: {cause}: check OPENAI_BASE_URL, OPENAI_API_KEY, your account and the model's name "
            f"in params.yaml; what was answered so far is kept{self._in_brackets(words)}"
        )

    def _in_brackets(self, words: str) -> str:
        return f" ({self.without_key(words)})" if words else ""

    def without_key(self, words: str) -> str:
        """Return a server's words without the key, should they have it."""
        return server.without_key(words, self.key)
