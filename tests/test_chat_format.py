"""Every family of chat templates is written alike in training rows and in prompts."""

import json
import shutil
from datetime import date

import pytest

from parts.answering.engine import PromptBuilder, Response, crowding
from parts.answering.transformers_engine import Engine
from parts.project.errors import UserError
from parts.project.sections import Student
from parts.student import dataset, model
from parts.student.chat_format import ChatFormat, chat_format, without_thought
from parts.student.finetune import finetune
from parts.student.recipe import Recipe
from parts.text import answer_format
from stages import student
from tests.helpers import gguf_file
from tests.helpers.chat_families import CHATML, FAMILIES, IM, R1, Family, tokenizer
from tests.helpers.cli import error_line
from tests.helpers.source_code import ROOT

ROW = {"kind": "qa", "generator": "qa", "prompt": "How long?", "reasoning": "So it says.", "completion": "12 days"}
DOCUMENT = {"kind": "document", "generator": "raw", "prompt": "", "reasoning": "", "completion": "It is 12 days. " * 9}
ANSWER = "So it says.\nAnswer: 12 days"
SYSTEM = answer_format.build_messages("?", [])[0]["content"]


def chat(name: str, **settings) -> ChatFormat:
    made = tokenizer(FAMILIES[name])
    made.chat_template = made.chat_template or model.PLAIN_CHAT.read_text()
    return ChatFormat(made, Student(model=name, **settings))


@pytest.fixture(params=FAMILIES)
def family(request):
    return FAMILIES[request.param], chat(request.param)


def test_a_prompt_has_the_system_words_the_question_and_one_beginning(family):
    kind, form = family
    text, _ = PromptBuilder(form, 8, 4000).prompt("How long?", [])
    assert SYSTEM in text and "Question: How long?" in text
    assert text.count(kind.bos or "<none>") == bool(kind.bos)
    assert form.ids(text)[0] == form.tokenizer.bos_token_id or not kind.bos


def test_a_training_row_is_the_prompt_of_an_arm_and_an_answer_that_ends_where_decoding_stops(family):
    _, form = family
    prompt, _ = PromptBuilder(form, 8, 4000).prompt(ROW["prompt"], [])
    (row,) = dataset.encode([ROW], form, 4000).rows
    ids = form.ids(prompt)
    assert row["input_ids"][: len(ids)] == ids and row["labels"][: len(ids)] == [dataset.IGNORED] * len(ids)
    completion = row["labels"][len(ids) :]
    assert completion[-1] in form.ends and not form.ends & set(completion[:-1])
    assert form.tokenizer.decode(completion[:-1], skip_special_tokens=True).strip() == ANSWER


def test_a_training_row_is_the_conversation_as_the_template_writes_it(family):
    kind, form = family
    messages = answer_format.build_messages(ROW["prompt"], [])
    if not form.has_system:
        messages = [{"role": "user", "content": "\n\n".join(m["content"] for m in messages)}]
    messages.append({"role": "assistant", "content": ANSWER})
    whole = form.ids(form.tokenizer.apply_chat_template(messages, tokenize=False, **form.settings))
    (row,) = dataset.encode([ROW], form, 4000).rows
    begun = (
        [form.tokenizer.bos_token_id]
        if kind.bos and kind.bos not in kind.template and "bos" not in kind.template
        else []
    )
    wanted = begun + whole
    assert row["input_ids"] == wanted[: len(row["input_ids"])]
    assert not form.tokenizer.decode(wanted[len(row["input_ids"]) :]).strip()


def test_a_turn_ends_with_the_token_that_the_template_writes_not_with_the_one_that_ends_a_text():
    form = chat("chatml over a base")
    end, eos = form.tokenizer.convert_tokens_to_ids(["<|im_end|>", "<|endoftext|>"])
    assert form.ends == {end, eos}
    assert dataset.encode([ROW], form, 4000).rows[0]["labels"][-1] == end
    assert dataset.encode([DOCUMENT], form, 4000).rows[0]["labels"][-1] == eos


def test_a_line_break_that_is_an_added_token_ends_no_turn():
    made = tokenizer(Family(CHATML.replace("<|im_end|>", "\n<|im_end|>"), IM, "<|endoftext|>"))
    made.add_tokens(["\n"])
    form = ChatFormat(made, Student(model="m"))
    assert form.end == "\n<|im_end|>"
    assert form.ends == set(made.convert_tokens_to_ids(["<|im_end|>", "<|endoftext|>"]))


def test_decoding_stops_at_the_end_of_a_turn_of_a_text_and_at_what_the_models_own_configuration_names(qwen, tmp_path):
    folder = tmp_path / "base"
    shutil.copytree(qwen, folder)
    made = model.tokenizer(Student(model=str(folder)))
    made.eos_token = "<|endoftext|>"
    start, end, eos = made.convert_tokens_to_ids(["<|im_start|>", "<|im_end|>", "<|endoftext|>"])
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [start]}))
    assert Engine(str(folder), ChatFormat(made, Student(model="m")), 4, 64).ends == {start, end, eos}


def test_a_document_begins_as_the_tokenizer_begins_a_text_and_a_long_one_is_split(family):
    kind, form = family
    pieces = [row["input_ids"] for row in dataset.encode([DOCUMENT], form, 50).rows]
    begin = [form.tokenizer.bos_token_id] if kind.begins else []
    assert len(pieces) > 2 and all(len(piece) == 50 for piece in pieces[:-1]) and len(pieces[-1]) <= 50
    assert all(piece[: len(begin)] == begin for piece in pieces)
    text = [token for piece in pieces for token in piece[len(begin) :]]
    assert text == [*form.ids(DOCUMENT["completion"]), form.tokenizer.eos_token_id]


def test_a_student_that_could_think_first_is_told_not_to_unless_the_params_say_otherwise():
    prompt = "<|im_start|>assistant\n<think>\n\n</think>\n\n"
    assert chat("qwen3").prompt([{"role": "user", "content": "?"}]).endswith(prompt)
    thinking = chat("qwen3", template={"enable_thinking": True})
    assert thinking.prompt([{"role": "user", "content": "?"}]).endswith("<|im_start|>assistant\n")
    with pytest.raises(
        UserError, match="enable_thinkng, which the chat template of qwen3 does not read; it reads enable_"
    ):
        chat("qwen3", template={"enable_thinkng": True})


@pytest.mark.parametrize(
    ("template", "way_out"),
    [(R1, "at once$"), (R1.replace("<think>", "{% if not skip %}<think>{% endif %}"), r"\(the template reads skip\)$")],
)
def test_a_template_that_opens_a_thought_in_every_prompt_is_refused(template, way_out):
    made = tokenizer(Family(template, ["<s>", "<|User|>", "<|Assistant|>", "<|end|>"], "<|end|>", "<s>"))
    with pytest.raises(UserError, match=f"opens a thought .*{way_out}"):
        ChatFormat(made, Student(model="r1"))
    if "skip" in template:
        assert ChatFormat(made, Student(model="r1", template={"skip": True})).begin == ""


@pytest.mark.parametrize(
    ("response", "text"),
    [
        ("<think>\nHm.\n</think>\n\nAnswer: 12 days", "Answer: 12 days"),
        ("Hm.</think>Answer: 12 days", "Answer: 12 days"),
        ("<think>\nHm, Answer: 12", ""),
        ("<think></think><think>Hm", ""),
        ("Answer: 12 days", "Answer: 12 days"),
    ],
)
def test_a_response_is_what_follows_its_thought_and_nothing_where_that_does_not_end(response, text):
    assert without_thought(response) == text
    assert Response(response, 1, 2, False, 0.1).text == text


def test_system_words_stand_before_the_question_where_the_template_has_no_place_for_them():
    for name in ("gemma", "mistral", "mute"):
        form = chat(name)
        assert not form.has_system
        text = form.prompt(answer_format.build_messages("How long?", []))
        assert text.index(SYSTEM) < text.index("How long?")
    as_it_is = chat("mute", system="template")
    assert SYSTEM not in as_it_is.prompt(answer_format.build_messages("How long?", []))
    assert SYSTEM in chat("gemma", system="template").prompt(answer_format.build_messages("How long?", []))


def test_a_template_that_drops_the_question_is_refused():
    made = tokenizer(Family("{{ messages[0].role }}", ["<s>"], "<s>"))
    with pytest.raises(UserError, match="drops words of the question"):
        ChatFormat(made, Student(model="odd"))


def test_the_date_in_a_prompt_is_the_same_on_every_day_and_can_be_changed():
    messages = [{"role": "user", "content": "?"}]
    text = chat("llama3").prompt(messages)
    assert "Today Date: 26 Jul 2024" in text and str(date.today().year) not in text
    assert "Today Date: 1 May 2030" in chat("llama3", template={"date_string": "1 May 2030"}).prompt(messages)
    made = tokenizer(FAMILIES["chatml"])
    made.chat_template = "{% for n in range(1) %}{{ strftime_now('%Y-%m-%d') }}{% endfor %}" + made.chat_template
    assert ChatFormat(made, Student(model="m")).prompt(messages).startswith("2024-07-26")
    with pytest.raises(UserError, match="it reads nothing"):
        ChatFormat(made, Student(model="m", template={"date": "1 May 2030"}))


@pytest.fixture
def mine(workplace, qwen, tmp_path):
    """A copy of the tiny model, the student of the params; `mine(name, **changes)` edits a file of it, JSON or text."""
    folder = tmp_path / "mine"
    shutil.copytree(qwen, folder)
    for key in ("model", "watch"):
        workplace.change("student", key, str(folder))
    workplace.change("student", "system", "always")

    def edit(name: str, text: str | None = None, **changes) -> None:
        text = text or json.dumps(json.loads((folder / name).read_text()) | changes)
        (folder / name).write_text(text)

    return edit


def test_a_base_model_without_a_template_has_our_plain_one_and_it_is_said(mine, workplace, capsys, tmp_path):
    (tmp_path / "mine/chat_template.jinja").unlink()
    student.main()
    record = json.loads(student.RECORD.read_text())
    assert record["chat_template"].startswith("none of its own: plain text")
    assert "chat_template none of its own" in capsys.readouterr().out
    text = chat("no template").prompt([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "How?"}])
    assert text == "### System\nBe brief.\n\n### User\nHow?\n\n### Assistant\n"


def test_what_is_decided_about_a_conversation_is_recorded(mine, capsys):
    mine("chat_template.jinja", FAMILIES["qwen3"].template)
    student.main()
    assert json.loads(student.RECORD.read_text())["template"] == {"enable_thinking": False}
    mine("chat_template.jinja", FAMILIES["gemma"].template)
    student.main()
    assert "system_words before the question" in capsys.readouterr().out


def test_a_student_that_cannot_be_used_ends_the_first_stage_in_one_line(mine, workplace):
    mine("chat_template.jinja", "{{ messages[0].content }}{{ messages[1].content }}<think>")
    assert "opens a thought" in error_line(student.main)
    mine("chat_template.jinja", "{% for m in messages %}")
    assert "cannot be read: " in error_line(student.main)
    mine("config.json", quantization_config={"quant_method": "gptq", "bits": 4})
    assert "is quantised (gptq), and is not trained here" in error_line(student.main)


def test_a_gguf_file_that_is_not_there_or_is_none_is_an_error_of_the_first_stage(mine, workplace, tmp_path):
    for name in ("none.gguf", "config.json"):
        workplace.change("student", "gguf_file", name)
        assert "cannot load the model" in error_line(student.main)


@pytest.mark.slow
def test_a_student_in_gguf_is_trained_and_answers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "student").mkdir()
    gguf_file.write(tmp_path / "student/tiny.gguf", tokenizer(FAMILIES["chatml"]))
    settings = Student(model="student", gguf_file="tiny.gguf")
    form = chat_format(settings)
    assert (form.context, form.end) == (1024, "<|im_end|>")
    recipe = Recipe(
        seeds=[1], lora_r=4, lora_alpha=8, learning_rate=0.02, num_train_epochs=1, per_device_train_batch_size=4,
        max_length=512, warmup_ratio=0, weight_decay=0, completion_only_loss=True,
    )  # fmt: skip
    for lora_r in (4, None):
        recipe = recipe.model_copy(update={"lora_r": lora_r})
        data = dataset.pairs_data([ROW | {"split": "train"}] * 4, form, recipe, 1)
        values, _ = finetune(settings, form, data, recipe, 1, tmp_path / "tuned", tmp_path / "loss.tsv")
        assert values["steps"] == 1
        engine = Engine(str(tmp_path / "tuned"), form, 4, 900, gguf_file="tiny.gguf")
        assert engine.respond([engine.prompt("How long?", [])[0]], 1)[0].new_tokens > 0


def test_prompts_and_answers_must_fit_the_students_context(qwen_chat):
    assert qwen_chat.context == 1024
    with pytest.raises(
        UserError, match=r"answer\.max_new_tokens are 1000 and 25, more than .* reads and writes \(1024 tokens"
    ):
        PromptBuilder(qwen_chat, 25, 1000)
    prompts = PromptBuilder(qwen_chat, 24, 1000)
    assert prompts.prompt("word " * 100, [("Title", "text " * 900)])[1] == 0
    with pytest.raises(UserError, match=r"a question of \d+ tokens, with 24 for its answer, is longer .*: word word"):
        prompts.prompt("word " * 900, [])


def test_passages_that_find_no_room_are_said():
    assert crowding([2, 2], [2, 2]) == ""
    assert "of 8.0 passages a question 1.5 fit into answer.max_prompt_tokens" in crowding([1, 2], [8, 8])


def test_the_embedded_students_prompts_are_what_it_was_pretrained_on():
    embedded = chat_format(Student(model=str(ROOT / "models/base"), system="template"))
    assert (
        embedded.prompt(answer_format.build_messages("How long?", []))
        == "<|user|>Question: How long?<|end|><|assistant|>"
    )
    (row,) = dataset.encode([ROW], embedded, 512).rows
    assert embedded.tokenizer.decode(row["input_ids"]) == (
        f"<|user|>Question: How long?<|end|><|assistant|>{ANSWER}<|end|>"
    )
    assert (embedded.begin, embedded.lead, embedded.end, embedded.settings) == ("", "", "<|end|>", {})
