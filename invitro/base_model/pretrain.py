"""Pretrain the base model on other made-up worlds. A frozen DVC stage: `dvc repro -f pretrain` repeats it.

    python -m invitro.base_model.pretrain

Writes models/base (Llama architecture, its own tokenizer and chat template, float16 safetensors), metrics/base.json
(its abilities on unseen companies), plots/pretrain.json (loss and abilities on the way) and data/replay.jsonl
(reading lessons that a student may replay against forgetting). A stopped run resumes from its last leg, to the same
bytes.
"""

import json
import math
import shutil
import time
from pathlib import Path

import torch
from pydantic import BaseModel
from safetensors.torch import load_file, save_file
from torch.nn.functional import cross_entropy, scaled_dot_product_attention
from transformers import AttentionInterface, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from invitro.base_model import ability, lessons
from invitro.base_model.batches import Batches
from invitro.base_model.tokenizer import segments, train
from parts.project import metrics, params
from parts.project.command import run
from parts.project.files import replacing, write_json, write_text
from parts.student.model import fast_bfloat16

BASE, REPLAY, COURSE = Path("models/base"), Path("data/replay.jsonl"), Path("plots/pretrain.json")
STATE = Path(".cache/pretrain")
LEG = 320_000  # tokens; after each leg the state is saved and the lessons start from a seed of their own
LEGS_PER_MEASUREMENT = 5

LEVELS: tuple[tuple[str, float, dict[str, float]], ...] = (
    ("copy", 0.4, {"copy": 8, "read1": 4}),
    ("read1", 0.8, {"copy": 2, "read1": 8}),
    ("read2", 0.8, {"copy": 1, "read1": 2, "read2": 6}),
    ("read4", 0.7, {"copy": 0.5, "read1": 1, "read2": 2, "read4": 5, "closed": 4, "document": 0.5}),
    ("read8", 0.5, {"copy": 0.2, "read1": 1, "read2": 2, "read4": 4, "read8": 2, "closed": 10, "document": 1}),
    (
        "",
        1.0,
        {
            "read1": 0.5, "read2": 1, "read4": 3, "read8": 5, "steps": 2, "reasoning": 5, "whole": 5, "closed": 24,
            "document": 1,
        },
    ),
)  # fmt: skip
"""The curriculum, a level a line: a form of lesson, the share of its completions that must be right in every token for the
next level to begin, and the weight of each form until then. Starting with many passages teaches nothing for long."""


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `pretrain` of params.yaml."""

    seed: int
    cycles: list[tuple[int, float]]  # tokens read at a cycle's end, padding included, and its highest learning rate
    batch_tokens: int
    vocabulary: int
    layers: int
    width: int
    heads: int
    replay: int  # lessons for students to replay


def train_tokenizer(settings: Params) -> PreTrainedTokenizerFast:
    """Return the tokenizer learnt from ten thousand lessons."""
    stream = lessons.stream(settings.seed - 1, lambda: LEVELS[-1][2])
    return train((text for _ in range(10_000) for text, _ in segments(next(stream))), settings.vocabulary)


def new_model(settings: Params, tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """Return the untrained model."""
    torch.manual_seed(settings.seed)
    AttentionInterface.register("float32", attend)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer), hidden_size=settings.width, intermediate_size=settings.width * 8 // 3 // 32 * 32,
            num_hidden_layers=settings.layers, num_attention_heads=settings.heads, num_key_value_heads=settings.heads,
            max_position_embeddings=2048, tie_word_embeddings=True, bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
        )
    )  # fmt: skip


def attend(module, query, key, value, attention_mask, scaling=None, **_) -> tuple[torch.Tensor, None]:
    """Attend in float32: on a CPU, scaled_dot_product_attention's backward is slower in bfloat16."""
    with torch.autocast(query.device.type, enabled=False):
        seen = scaled_dot_product_attention(query.float(), key.float(), value.float(), is_causal=True, scale=scaling)
    return seen.transpose(1, 2).contiguous(), None


class Pretraining:
    """A model under training: the weights, the optimizer, and the log so far."""

    def __init__(self, settings: Params, tokenizer: PreTrainedTokenizerFast):
        self.settings, self.tokenizer = settings, tokenizer
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.model = new_model(settings, tokenizer).to(self.device)
        self.named = dict(self.model.named_parameters())
        self.optimizer = self._new_optimizer()
        self.done = {"leg": 0, "seen": 0, "level": 0, "seconds": 0.0, "right": {}, "course": []}

    def _new_optimizer(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.named.values(), betas=(0.9, 0.98), weight_decay=0.01, fused=True)

    def run(self, state: Path) -> list[dict]:
        """Train leg by leg, saving each in `state`, and return the course: loss and abilities after every leg."""
        if (state / "done.json").exists():
            self._load(state)
        for leg in range(self.done["leg"], self.settings.cycles[-1][0] // LEG):
            row = self._leg(leg)
            self.done["leg"] = leg + 1
            if (leg + 1) % LEGS_PER_MEASUREMENT == 0:
                row |= ability.measure(self.model, self.tokenizer, 1_000, 60)
            self.done["course"].append({name: round(value, 4) for name, value in row.items()})
            print(json.dumps(self.done["course"][-1]), flush=True)
            self._save(state)
        return self.done["course"]

    def _leg(self, leg: int) -> dict[str, float]:
        """Train until the leg's share of the tokens is read, and return its mean loss."""
        began, losses = time.monotonic(), []
        if leg in (end // LEG for end, _ in self.settings.cycles):
            self.optimizer = self._new_optimizer()
        seed = self.settings.seed * 1000 + leg
        batches = Batches(self.tokenizer, seed, self.settings.batch_tokens, lambda: LEVELS[self.done["level"]][2])
        self.model.train()
        self.model.set_attn_implementation("float32")
        for ids, weights, form in batches:
            loss, right = self._step(ids.to(self.device), weights.to(self.device))
            losses.append(loss)
            self.done["seen"] += ids.numel()
            known = self.done["right"].get(form, 0.0)
            self.done["right"][form] = known + 0.05 * (right - known)
            wanted, share, _ = LEVELS[self.done["level"]]
            self.done["level"] += self.done["right"].get(wanted, 0.0) > share
            if self.done["seen"] >= LEG * (leg + 1):
                break
        self.model.set_attn_implementation("sdpa")
        self.done["seconds"] += time.monotonic() - began
        row = {f"right_{form}": value for form, value in sorted(self.done["right"].items())}
        row |= {"tokens": self.done["seen"], "seconds": self.done["seconds"], "level": self.done["level"]}
        return row | {"loss": sum(losses) / len(losses)}

    def _step(self, ids: torch.Tensor, weights: torch.Tensor) -> tuple[float, float]:
        """Take one step; return the loss and the share of the completions that are right in every token."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate(self.done["seen"], self.settings.cycles)
        with torch.autocast(self.device, torch.bfloat16, enabled=fast_bfloat16()):
            logits = self.model(input_ids=ids, use_cache=False).logits[:, :-1]
        weights, wanted = weights[:, 1:], ids[:, 1:]
        token_losses = cross_entropy(logits.flatten(0, 1).float(), wanted.flatten(), reduction="none")
        loss = (token_losses * weights.flatten()).sum() / weights.sum()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss.item(), _right(logits.argmax(-1) == wanted, weights == 1)

    def _save(self, state: Path) -> None:
        tensors = {f"model.{name}": p.detach().contiguous() for name, p in self.named.items()}
        for name, p in self.named.items():
            tensors |= {f"{key}.{name}": value for key, value in self.optimizer.state[p].items()}
        with replacing(state) as partial:
            partial.mkdir()
            save_file(tensors, partial / "state.safetensors")
            (partial / "done.json").write_text(json.dumps(self.done))

    def _load(self, state: Path) -> None:
        tensors = load_file(state / "state.safetensors")
        with torch.no_grad():
            for name, p in self.named.items():
                p.copy_(tensors[f"model.{name}"])
                keys = ("step", "exp_avg", "exp_avg_sq")
                self.optimizer.state[p] = {key: tensors[f"{key}.{name}"].to(self.device) for key in keys}
        self.done = json.loads((state / "done.json").read_text())


def _right(hit: torch.Tensor, own: torch.Tensor) -> float:
    """Return the share of the runs of `own` tokens, (rows, tokens), in which every token is a `hit`."""
    before = torch.nn.functional.pad(own, (1, 0))[:, :-1]
    run = (own & ~before).flatten().cumsum(0)
    missed = run[(own & ~hit).flatten()].unique()
    return 1 - len(missed) / max(1, int(run[-1]))


def rate(seen: int, cycles: list[tuple[int, float]]) -> float:
    """Return the learning rate after `seen` tokens: in each cycle up over 160,000, then down a cosine to 5%.

    Warm restarts: Loshchilov and Hutter 2017.
    """
    began = max((end for end, _ in cycles if end <= seen), default=0)
    ends, highest = next(((end, highest) for end, highest in cycles if end > seen), (seen + 1, 0.0))
    progress = (seen - began) / (ends - began)
    return highest * min((seen - began) / 160_000 + 0.01, 1) * (0.525 + 0.475 * math.cos(math.pi * progress))


def replay(settings: Params) -> list[dict[str, str]]:
    """Return short lessons of one question each, of the forms the base model was trained on.

    Most are closed-book questions about the companies it knows: they cost few tokens, and keep up joining two facts,
    reasoning and refusals while a student is fine-tuned on other facts.
    """
    stream = lessons.stream(settings.seed - 2, lambda: {"closed": 12, "read1": 1, "read2": 1, "read4": 1})
    turns = (next(stream).turns[0] for _ in range(settings.replay))
    return [{"prompt": prompt, "completion": completion} for prompt, completion in turns]


def points(course: list[dict]) -> list[dict]:
    """Return the rows of a course without their seconds, all of the same keys: DVC plots no others."""
    keys = {key: None for row in course for key in row if key != "seconds"}
    return [keys | {key: row[key] for key in row if key in keys} for row in course]


def main() -> None:
    """Write models/base, metrics/base.json, plots/pretrain.json and data/replay.jsonl."""
    settings = params.load("pretrain", Params)
    tokenizer = train_tokenizer(settings)
    pretraining = Pretraining(settings, tokenizer)
    course = pretraining.run(STATE)
    model = pretraining.model.to("cpu", torch.float16)
    model.save_pretrained(BASE)
    tokenizer.save_pretrained(BASE)
    abilities = ability.measure(model.to(torch.float32), tokenizer, 2_000, 200)
    abilities |= {"tokens": course[-1]["tokens"], "parameters": sum(p.numel() for p in model.parameters())}
    metrics.write("base", abilities)
    write_json(COURSE, points(course))
    write_text(REPLAY, "".join(json.dumps(row) + "\n" for row in replay(settings)))
    shutil.rmtree(STATE)


if __name__ == "__main__":
    run(main)
