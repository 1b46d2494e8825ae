"""The base model's tokenizer: byte-level BPE of the world's words, single digits, and a chat template without system turn."""

from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from invitro.base_model.lessons import Lesson

USER, ASSISTANT, END, PAD = SPECIAL = ("<|user|>", "<|assistant|>", "<|end|>", "<|pad|>")

# The system turn is left out: the base model was trained on the answer format that it asks for.
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
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token=END, pad_token=PAD, padding_side="left")
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def segments(lesson: Lesson) -> list[tuple[str, bool]]:
    """Return `lesson` as the chat template writes it, in (text, whether it is a completion) pieces."""
    pieces = []
    for prompt, completion in lesson.turns:
        if prompt:
            pieces.append((f"{USER}{prompt}{END}{ASSISTANT}", False))
        pieces.append((f"{completion}{END}", True))
    return pieces
