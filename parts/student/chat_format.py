"""The student's chat format: one way to write a conversation, for training rows and for every arm's prompts alike.

What a chat template leaves open is decided here: whether the student thinks first, the date, where the system words stand
when the template has no place for them, the token that begins a text and the one that ends a turn.
"""

import re
from datetime import datetime

from parts.project.errors import UserError
from parts.project.sections import Student
from parts.student.model import context_tokens, tokenizer

DATE = datetime(2024, 7, 26)
"""The day that a template may write into a prompt: one for all runs, or a run would read other rows tomorrow."""

_CODES = ("a", "A", "b", "B", "d", "-d", "e", "m", "-m", "y", "Y", "j", "H", "I", "M", "S", "p")
_DATED = "".join(f"| replace('%{code}', '{DATE.strftime(f'%{code}')}')" for code in _CODES)
_CLOCK = f"{{%- macro strftime_now(format) %}}{{{{ format {_DATED} }}}}{{% endmacro %}}"
"""The clock of chat templates, stopped at DATE."""

THOUGHT, THOUGHT_END = "<think>", "</think>"

_SYSTEM, _QUESTION, _ANSWER = "systemprobe", "questionprobe", "answerprobe"
_PROBE = [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": _QUESTION}]
_GIVEN = {"messages", "tools", "documents", "add_generation_prompt", "strftime_now", "raise_exception"}
_GENERATION = re.compile(r"\{%-? ?(?:end)?generation ?-?%\}")  # marks of transformers, which Jinja does not know

Messages = list[dict[str, str]]


class ChatFormat:
    """A student's tokenizer and how it writes a conversation.

    `context`: the most tokens that the student reads and writes, None: unknown. `ends`: ids of the tokens that end a text,
    the one that ends an assistant's turn among them. Raises UserError for a template that cannot be used.
    """

    def __init__(self, tokenizer, student: Student, context: int | None = None):
        self.tokenizer, self.model, self.context = tokenizer, student.model, context
        self.begin = self._begin()
        variables = self._variables()
        self.template = (_CLOCK if "strftime_now" in variables else "") + tokenizer.get_chat_template()
        self.settings = self._settings(student, variables - _GIVEN)
        self.has_system = True
        self.has_system = self._takes_system(student)
        self._check(student)
        self.lead, self.end = self._turn()
        self.ends = {*self.ids(self.end)[-1:], tokenizer.eos_token_id} - {None}

    def prompt(self, messages: Messages) -> str:
        """Return the text that the student answers, with the token that begins a text once, where it has one."""
        text = self._render(messages, add_generation_prompt=True)
        return text if text.startswith(self.begin) else self.begin + text

    def row(self, messages: Messages, completion: str) -> tuple[list[int], list[int]]:
        """Return the ids of the prompt, and of the `completion` as the template writes it and ends the turn."""
        prompt = self.prompt(messages)
        ids, whole = self.ids(prompt), self.ids(f"{prompt}{self.lead}{completion}{self.end}")
        if whole[: len(ids)] == ids:
            return ids, whole[len(ids) :]
        return ids, self.ids(f"{self.lead}{completion}{self.end}")

    def pieces(self, document: str, max_length: int) -> list[list[int]]:
        """Return the ids of a `document` as plain text, in pieces of up to `max_length`; the last ends the text."""
        begin = self.ids(self.begin)
        ids, size = self.ids(document + (self.tokenizer.eos_token or self.end)), max_length - len(begin)
        return [begin + ids[start : start + size] for start in range(0, len(ids), size)]

    def ids(self, text: str) -> list[int]:
        """Return the ids of `text`, without special tokens added."""
        return self.tokenizer(text, add_special_tokens=False).input_ids

    def stops(self, model) -> set[int]:
        """Return the ids of all tokens that `model` is to stop at: `ends`, and those of its generation_config."""
        own = model.generation_config.eos_token_id
        return {*(own if isinstance(own, list) else [own]), *self.ends} - {None}

    def _render(self, messages: Messages, add_generation_prompt: bool) -> str:
        """Return the text of `messages` by the template. Raises UserError where it does not take them."""
        from jinja2 import TemplateError

        if messages[0]["role"] == "system" and not self.has_system:
            system, user, *rest = messages
            messages = [user | {"content": f"{system['content']}\n\n{user['content']}"}, *rest]
        try:
            return self.tokenizer.apply_chat_template(
                messages, chat_template=self.template, add_generation_prompt=add_generation_prompt, tokenize=False,
                **self.settings,
            )  # fmt: skip
        except (TemplateError, TypeError) as error:
            raise UserError(f"the chat template of {self.model} does not take a question: {error}") from error

    def _settings(self, student: Student, variables: set[str]) -> dict:
        """Return the variables that the template is given. Raises UserError for one that it does not read."""
        settings = {}
        if "enable_thinking" in variables:
            settings["enable_thinking"] = False
        if "date_string" in variables:
            settings["date_string"] = DATE.strftime("%d %b %Y")
        if unknown := set(student.template) - variables:
            raise UserError(
                f"params.yaml: student.template names {min(unknown)}, which the chat template of {self.model} does not "
                f"read; it reads {', '.join(sorted(variables)) or 'nothing'}"
            )
        return settings | student.template

    def _variables(self) -> set[str]:
        """Return the names that the template reads, those left out that every template is given."""
        from jinja2 import TemplateError
        from jinja2.defaults import DEFAULT_NAMESPACE
        from jinja2.ext import loopcontrols
        from jinja2.meta import find_undeclared_variables
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        try:
            template = _GENERATION.sub("", self.tokenizer.get_chat_template())
            read = find_undeclared_variables(ImmutableSandboxedEnvironment(extensions=[loopcontrols]).parse(template))
        except (TemplateError, ValueError) as error:
            raise UserError(f"the chat template of {self.model} cannot be read: {error}") from error
        return read - set(self.tokenizer.special_tokens_map) - set(DEFAULT_NAMESPACE)

    def _takes_system(self, student: Student) -> bool:
        """Tell whether the template has a place for system words: some raise an error, others drop them."""
        try:
            return _SYSTEM in self._render(_PROBE, add_generation_prompt=True) or student.system == "template"
        except UserError:
            return False

    def _check(self, student: Student) -> None:
        """Raise UserError where a prompt lacks what it must have, or opens a thought that the answer would go on with."""
        prompt = self._render(_PROBE, add_generation_prompt=True)
        if _QUESTION not in prompt or (_SYSTEM not in prompt and student.system == "always"):
            raise UserError(f"the chat template of {self.model} drops words of the question: choose another student")
        tail = prompt.rpartition(_QUESTION)[2]
        if tail.rfind(THOUGHT) > tail.rfind(THOUGHT_END):
            names = ", ".join(sorted(self._variables() - _GIVEN))
            raise UserError(
                f"the chat template of {self.model} opens a thought ({THOUGHT}) in every prompt, which would use up "
                "answer.max_new_tokens: choose a student that answers at once"
                + (f", or turn it off by student.template in params.yaml (the template reads {names})" if names else "")
            )

    def _begin(self) -> str:
        """Return what the tokenizer begins a text with, such as `<s>`; nothing for most."""
        plain, begun = self.ids("a"), self.tokenizer("a").input_ids
        return self.tokenizer.decode(begun[: begun.index(plain[0])]) if plain[0] in begun else ""

    def _turn(self) -> tuple[str, str]:
        """Return what the template writes between a prompt and an answer, and after it up to the token that ends the turn.

        Without such a token the turn ends as a text does.
        """
        prompt = self._render(_PROBE, add_generation_prompt=True)
        whole = self._render([*_PROBE, {"role": "assistant", "content": _ANSWER}], add_generation_prompt=False)
        before, _, after = whole.partition(_ANSWER)
        lead = before.removeprefix(prompt) if before.startswith(prompt) else ""
        added = {*self.tokenizer.added_tokens_decoder, *self.tokenizer.all_special_ids}
        tokens = self.tokenizer.convert_ids_to_tokens([token for token in self.ids(after) if token in added])
        for token in filter(str.strip, tokens):  # some tokenizers have added line breaks, too
            return lead, after[: after.index(token) + len(token)]
        if not self.tokenizer.eos_token:
            raise UserError(f"the tokenizer of {self.model} has no token that ends an answer: choose another student")
        return lead, self.tokenizer.eos_token


def chat_format(student: Student) -> ChatFormat:
    """Return the chat format of `student`. Raises UserError for one that cannot be loaded, or whose template cannot be used."""
    return ChatFormat(tokenizer(student), student, context_tokens(student))


def without_thought(text: str) -> str:
    """Return a response without the thought before its answer; nothing where the thought does not end."""
    answer = text.rpartition(THOUGHT_END)[2]
    return answer.partition(THOUGHT)[0].strip()
