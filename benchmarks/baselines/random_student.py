"""Students of random weights in the shapes of Qwen3, and rows and prompts for them.

What a step costs does not hang on what the weights know. The tokenizer is models/base's: it has few ids, but the logits are
as many as the student's own vocabulary.
"""

from parts.curation.people import read_pairs
from parts.project.sections import Student
from parts.student.chat_format import ChatFormat
from parts.student.dataset import TrainingData, pairs_data
from parts.student.lesson import ROW, read_lesson
from parts.student.recipe import Recipe
from parts.text.answer_format import build_messages
from tests.helpers.source_code import ROOT

STUDENT = Student(model=str(ROOT / "models/base"))
SHAPES = {  # layers, width, width of the feed-forward, heads, size of a head, vocabulary, whether its two matrices are one
    "tiny": (2, 64, 128, 4, 16, 4096, True),
    "0.6B": (28, 1024, 3072, 16, 128, 151_936, True),
    "1.7B": (28, 2048, 6144, 16, 128, 151_936, True),
    "8B": (36, 4096, 12_288, 32, 128, 151_936, False),
}
LOOKED_UP = 0.1  # share of the training rows that have passages


def random_student(size: str):
    """Return a causal language model of SHAPES[`size`], on the GPU in bfloat16 where there is one, else in float32."""
    import torch
    from transformers import AutoModelForCausalLM, Qwen3Config

    layers, width, inner, heads, head, vocabulary, tied = SHAPES[size]
    config = Qwen3Config(
        num_hidden_layers=layers, hidden_size=width, intermediate_size=inner, num_attention_heads=heads, head_dim=head,
        num_key_value_heads=min(heads, 8), vocab_size=vocabulary, tie_word_embeddings=tied, max_position_embeddings=4096,
    )  # fmt: skip
    torch.manual_seed(1)
    cuda = torch.cuda.is_available()
    with torch.device("cuda" if cuda else "cpu"):
        return AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16 if cuda else torch.float32)


def multiplied_weights(size: str) -> int:
    """Return how many weights a token is multiplied with: all but the embeddings, and the output's once."""
    layers, width, inner, heads, head, vocabulary, _ = SHAPES[size]
    attention = width * head * (2 * heads + 2 * min(heads, 8))
    return layers * (attention + 3 * width * inner) + width * vocabulary


def training_data(count: int, chat: ChatFormat, recipe: Recipe) -> TrainingData:
    """Return what one pass over about `count` rows of data/real reads, LOOKED_UP of them with passages."""
    n_looked_up = round(count * LOOKED_UP)
    rows = read_lesson(ROOT / "data/real/lesson.jsonl")[:n_looked_up]
    pairs = read_pairs(ROOT / "data/real/rows.jsonl")[: count - n_looked_up]
    rows += [ROW | {"prompt": pair.question, "completion": pair.answer} for pair in pairs]
    return pairs_data(rows, chat, recipe.model_copy(update={"num_train_epochs": 1}), seed=1)


def prompts(count: int, chat: ChatFormat) -> list[str]:
    """Return `count` questions of data/real with passages, as an arm has them."""
    rows = read_lesson(ROOT / "data/real/lesson.jsonl")[:count]
    return [chat.prompt(build_messages(row["prompt"], row["passages"])) for row in rows]
