"""The base model's tokenizer: byte-level BPE made for the world, single digits, and a chat template without system turn."""

from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from invitro.base_model.lessons import Lesson

USER, ASSISTANT, END, PAD = SPECIAL = ("<|user|>", "<|assistant|>", "<|end|>", "<|pad|>")

# The system turn is left out: the base model was raised on the form of answers that it asks for.
TEMPLATE = (
    "{% for message in messages %}{% if message.role == 'user' %}<|user|>{{ message.content }}<|end|>"
    "{% elif message.role == 'assistant' %}<|assistant|>{% generation %}{{ message.content }}<|end|>{% endgeneration %}"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def train(texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """Return a tokenizer of `vocabulary` tokens learnt from `texts`."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split("\n", "isolated"),
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(False),
        ]
    )
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bpe.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=list(SPECIAL), initial_alphabet=alphabet)
    )
    made = PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token=END, pad_token=PAD, padding_side="left")
    made.chat_template = TEMPLATE
    return made


def segments(lesson: Lesson) -> list[tuple[str, bool]]:
    """Return `lesson` as the chat template writes it, in (text, whether it is the model's to say) pieces."""
    found = []
    for prompt, completion in lesson.turns:
        if prompt:
            found.append((f"{USER}{prompt}{END}{ASSISTANT}", False))
        found.append((f"{completion}{END}", True))
    return found
