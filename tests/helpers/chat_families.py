"""Small tokenizers with the chat templates of families of models, written in their style."""

from typing import NamedTuple

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
QWEN3 = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.role == 'assistant' and loop.last %}<think>\n\n</think>\n\n{% endif %}{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
SMOLLM2 = (
    "{% if messages[0].role != 'system' %}<|im_start|>system\nYou are a helpful AI assistant.<|im_end|>\n{% endif %}"
    + CHATML
)
LLAMA3 = (
    "{{ bos_token }}{% if not date_string is defined %}{% if strftime_now is defined %}"
    "{% set date_string = strftime_now('%d %b %Y') %}{% else %}{% set date_string = '26 Jul 2024' %}{% endif %}{% endif %}"
    "{% if messages[0].role == 'system' %}{% set words = messages[0].content %}{% set messages = messages[1:] %}"
    "{% else %}{% set words = '' %}{% endif %}"
    "<|head|>system<|tail|>\n\nToday Date: {{ date_string }}\n\n{{ words }}<|eot|>"
    "{% for m in messages %}<|head|>{{ m.role }}<|tail|>\n\n{{ m.content | trim }}<|eot|>{% endfor %}"
    "{% if add_generation_prompt %}<|head|>assistant<|tail|>\n\n{% endif %}"
)
GEMMA = (
    "{{ bos_token }}{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for m in messages %}{% set role = 'model' if m.role == 'assistant' else m.role %}"
    "<start_of_turn>{{ role }}\n{{ m.content | trim }}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
MISTRAL = (
    "{{ bos_token }}{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate') }}{% endif %}"
    "{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]{% else %} {{ m.content | trim }}{{ eos_token }}{% endif %}"
    "{% endfor %}"
)
R1 = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}{{ m.content }}"
    "{% elif m.role == 'user' %}<|User|>{{ m.content }}{% else %}<|Assistant|>{{ m.content }}<|end|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|Assistant|><think>\n{% endif %}"
)
MUTE = (  # drops system words without a word
    "{% for m in messages if m.role != 'system' %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


class Family(NamedTuple):
    """A chat template and the tokens of its tokenizer."""

    template: str | None
    tokens: list[str]
    eos: str
    bos: str | None = None
    begins: bool = False
    """with `bos`, whatever it reads"""
    words: bool = False
    """its tokens begin with the space before a word, as SentencePiece's do"""


IM = ["<|im_start|>", "<|im_end|>", "<|endoftext|>"]
FAMILIES = {
    "chatml": Family(CHATML, IM, "<|im_end|>"),
    "chatml over a base": Family(CHATML, IM, "<|endoftext|>"),
    "qwen3": Family(QWEN3, IM, "<|im_end|>"),
    "smollm2": Family(SMOLLM2, IM, "<|im_end|>"),
    "llama3": Family(LLAMA3, ["<|bos|>", "<|head|>", "<|tail|>", "<|eot|>", "<|end|>"], "<|end|>", "<|bos|>", True),
    "gemma": Family(GEMMA, ["<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"], "<eos>", "<bos>", True),
    "mistral": Family(MISTRAL, ["<s>", "</s>"], "</s>", "<s>", True, words=True),
    "mute": Family(MUTE, ["<|user|>", "<|assistant|>", "<|end|>"], "<|end|>"),
    "a template without bos": Family(CHATML, [*IM, "<s>"], "<|im_end|>", "<s>", True),
    "no template": Family(None, ["<|endoftext|>"], "<|endoftext|>"),
}


def tokenizer(family: Family):
    """Return a tokenizer of bytes, or of letters and spaces, with the tokens and the template of `family`."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    alphabet = pre_tokenizers.ByteLevel.alphabet()
    if family.words:
        alphabet = [*map(chr, range(32, 127)), "\n", "▁"]
    letters = {letter: number for number, letter in enumerate(sorted(alphabet))}
    bpe = Tokenizer(models.BPE(vocab=letters, merges=[]))
    if family.words:
        bpe.decoder = decoders.Metaspace(prepend_scheme="first")
        bpe.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    else:
        bpe.pre_tokenizer, bpe.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    bpe.add_special_tokens(family.tokens)
    if family.begins:
        token = (family.bos, bpe.token_to_id(family.bos))
        bpe.post_processor = processors.TemplateProcessing(single=f"{family.bos} $A", special_tokens=[token])
    made = PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token=family.eos, bos_token=family.bos)
    made.chat_template = family.template
    return made
