"""Answers are scored by words, by a judge and by RAGAS; abstentions are null with a reason, never NaN."""

import asyncio
import itertools
import json
import re
from collections.abc import Callable

import polars as pl
import pytest

from parts.llm import transport
from parts.llm.client import connect
from parts.project import prompts
from parts.project.errors import UserError
from parts.project.sections import Server
from parts.scoring import choice, exact, judge, ragas, scorers, squad, summary, versions
from parts.text import answer_format
from schemas.scores import Scores
from tests.conftest import ScriptedServer
from tests.helpers.cli import error_line
from tests.helpers.scoring import JUDGE, LAMP, all_scores, row
from tests.helpers.source_code import ROOT


@pytest.mark.parametrize(
    ("response", "reference", "scores"),
    [
        ("It costs that.\nAnswer: 430 euros", "430 euros", (1, 1)),
        ("Answer: 430 Euros.", "430 euros", (1, 1)),
        ("430 euros", "430 euros", (1, 1)),
        ("Answer: the finance team", "finance team", (1, 1)),
        ("Answer: 4.3 kg", "43 kg", (0, 0.5)),
        ("Answer: 7:30", "7:30", (1, 1)),
        ("Answer: 431 euros", "430 euros", (0, 0.5)),
        ("Answer:", "430 euros", (0, 0)),
        ("", "430 euros", (0, 0)),
        ("Answer: not in the documents", "430 euros", (0, 0)),
    ],
)
def test_exact_and_f1_compare_the_extracted_answer_with_the_reference(response, reference, scores):
    assert tuple(exact.score(response, [reference], True).values()) == pytest.approx(scores)


@pytest.mark.parametrize(
    ("response", "right"),
    [("Answer: not in the documents", 1), ("The documents do not tell.", 1), ("Answer: 5", 0), ("", 0)],
)
def test_for_an_unanswerable_question_a_refusal_is_right(response, right):
    assert exact.score(response, [], False) == {"exact": right, "f1": right}


def test_the_best_of_several_references_counts_and_the_judge_reads_all(by_rules, monkeypatch):
    assert exact.score("Answer: NYC", ["New York City", "NYC"], True) == {"exact": 1, "f1": 1}
    assert exact.score("Answer: York", ["New York City", "NYC"], True) == {"exact": 0, "f1": 0.5}
    seen = []

    async def verdict(question: str, response: str, reference: str, *rest: object) -> judge.Score:
        seen.append(reference)
        return 1.0, None

    monkeypatch.setattr(judge, "score", verdict)
    all_scores(row("q1", references=["New York City", "NYC"]), ask_ragas=False)
    assert seen == ["New York City\nor NYC"]


def test_a_formatted_answer_is_extracted_again():
    assert answer_format.extract_answer(answer_format.format_answer("Because.", "12 days")) == "12 days"
    assert answer_format.extract_answer(answer_format.format_answer("", "12 days")) == "12 days"
    assert answer_format.is_refusal(answer_format.format_answer("", answer_format.REFUSAL))


def scored(*samples: ragas.Sample, server: Server = JUDGE) -> list[dict]:
    async def run():
        async with connect(server) as client:
            scorer = ragas.Ragas(client)
            return [await scorer.score(sample) for sample in samples]

    return asyncio.run(run())


def sample(response: str, shown: tuple = (LAMP,), gold: tuple = (LAMP,)) -> ragas.Sample:
    return ragas.Sample("What does Dorva Lamp 200 cost?", response, "430 euros", list(shown), list(gold))


def test_ragas_tells_a_grounded_answer_from_an_invented_one(by_rules):
    right, wrong = scored(
        sample("Dorva Lamp 200 costs 430 euros.\nAnswer: 430 euros"),
        sample("Dorva Lamp 200 costs 90 euros.\nAnswer: 90 euros"),
    )
    assert right["faithfulness"] == (1, None)
    assert wrong["faithfulness"] == (0, None)
    assert right["answer_relevancy"][0] > 0.5


def test_ragas_puts_useful_passages_above_useless_ones(by_rules):
    other = "Corfa Depot opens at 7:30."
    first, last = scored(sample("Answer: 430 euros", (LAMP, other)), sample("Answer: 430 euros", (other, LAMP)))
    assert first["context_precision"][0] == pytest.approx(1)
    assert last["context_precision"][0] == pytest.approx(0.5)


def test_without_passages_ragas_has_no_precision_and_measures_faithfulness_against_the_gold_ones(by_rules):
    (scores,) = scored(sample("Dorva Lamp 200 costs 430 euros.\nAnswer: 430 euros", shown=()))
    assert scores["context_precision"] == (None, "no passages shown")
    assert scores["faithfulness"] == (1, None)
    (scores,) = scored(sample("Answer: 430 euros", shown=(), gold=()))
    assert scores["faithfulness"] == (None, "no passages to hold it against")


def test_an_evasive_answer_is_not_relevant(by_rules):
    assert scored(sample("Answer: not in the documents"))[0]["answer_relevancy"] == (0, None)


def test_an_empty_answer_is_an_abstention_with_its_reason(by_rules):
    assert set(scored(sample("  "))[0].values()) == {(None, "empty answer")}


def test_a_judge_that_replies_nonsense_is_an_abstention_with_its_cause(cue):
    cue.default = "nonsense"
    scores = scored(sample("Answer: 430 euros"))[0]
    assert {value for value, _ in scores.values()} == {None}
    assert all(reason for _, reason in scores.values())


def test_an_unreachable_judge_ends_scoring_with_one_line(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setattr(transport, "FIRST_RETRIES", 0)
    with pytest.raises(UserError, match="no answer: check OPENAI_BASE_URL"):
        scored(sample("Answer: 430 euros"))


def judged(response: str, answerable: bool = True, server: Server = JUDGE) -> judge.Score:
    async def run():
        async with connect(server) as client:
            return await judge.score("What does it cost?", response, "It costs 430 euros.", answerable, client)

    return asyncio.run(run())


def test_the_judge_compares_with_the_reference(by_rules):
    assert judged("Answer: it costs 430 euros")[0] == 1
    assert judged("Answer: it costs 90 euros")[0] == 0
    assert judged("Answer: not in the documents") == (0, "no answer given")
    assert judged("Answer: not in the documents", answerable=False) == (1, None)


def declined() -> dict:
    answer = ScriptedServer.answer("")
    answer["choices"][0]["message"]["refusal"] = "I cannot help with that."
    return answer


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ((200, ScriptedServer.answer("yes")), "unparsed"),
        ((200, ScriptedServer.answer("")), "unparsed"),
        ((200, ScriptedServer.answer('{"reason": "", "verdict": null}')), "unparsed"),
        ((200, ScriptedServer.answer('{"reason": "", "verdict": -1}')), "unparsed"),
        ((200, ScriptedServer.answer('{"reason": "", "verdict": 2}')), "unparsed"),
        ((200, ScriptedServer.answer('{"reason": "", "verdict": 0}', "length")), "cut off"),
        ((200, ScriptedServer.answer('{"reason": "", "verdict": 0}', "content_filter")), "filtered"),
        ((200, declined()), "declined"),
        ((400, {"error": {"message": "against our policy"}}), "refused (400)"),
        ((500, {"error": {"message": "try again"}}), "refused (500)"),
        ((200, {"choices": []}), "no text"),
    ],
)
def test_a_reply_without_a_verdict_is_an_abstention_with_its_cause_and_never_wrong(cue, monkeypatch, reply, reason):
    monkeypatch.setattr(transport, "FIRST_RETRIES", 0)
    monkeypatch.setattr(transport, "RETRIES", 1)
    monkeypatch.setattr(transport, "MAX_BACKOFF", 0)
    cue.reply = lambda request: reply
    assert judged("Answer: 1", server=Server(model="m")) == (None, reason)
    scores = pl.DataFrame(
        {"question_id": ["q"], "scorer": ["judge"], "version": ["1"], "value": [None], "reason": [reason]}
    )
    metrics = summary.summarise(scores)
    assert (metrics["judge"], metrics["judge_n_null"]) == (None, 1)


def test_a_transient_failure_of_the_judge_is_no_abstention(cue, monkeypatch):
    monkeypatch.setattr(transport, "MAX_BACKOFF", 0)
    cue.script = [(500, {}), (200, {"choices": []}), (200, ScriptedServer.answer('{"reason": "so", "verdict": 1}'))]
    assert judged("Answer: 1", server=Server(model="m")) == (1, "so")


def test_every_score_has_its_version_and_ragas_skips_unanswerable_questions(by_rules):
    scores = all_scores(row("q1"), row("q2", answerable=False, references=[]))
    assert scores.filter(question_id="q2")["scorer"].sort().to_list() == [
        "exact",
        "f1",
        "judge",
        "squad_em",
        "squad_f1",
    ]
    metrics = summary.summarise(scores)
    assert re.fullmatch(r"ragas-0\.4\.\d+ rules-judge-1 rules-embedding-1", metrics["faithfulness_version"])
    assert metrics["judge_version"] == f"{judge.VERSION} {prompts.digest('judge/correct')} rules-judge-1"
    assert (metrics["exact_version"], metrics["exact"], metrics["exact_n_null"]) == (exact.VERSION, 0.5, 0)
    assert not any("_null_" in key for key in metrics)
    by_kind = summary.by_answerable([row("q1"), row("q2", answerable=False, references=[])], scores)
    assert (by_kind["exact_answerable"], by_kind["exact_unanswerable"]) == (1, 0)


@pytest.mark.parametrize(
    ("reply", "cause"),
    [
        ((200, ScriptedServer.answer('{"question": "W', "length")), "cut off"),
        ((200, ScriptedServer.answer('{"question": "W', "MAX_TOKENS")), "cut off"),
        ((200, ScriptedServer.answer("{}", "SAFETY")), "filtered"),
        ((200, {"choices": [{"text": "{}"}]}), "no text"),
        ((200, ScriptedServer.answer("{", "")), "unparsed"),
        ((200, ScriptedServer.answer("nonsense")), "unparsed"),
        ((400, {"error": {"message": "against our policy"}}), "refused (400)"),
    ],
)
def test_failures_of_ragas_are_counted_by_cause_and_never_nan(cue, reply, cause):
    cue.reply = lambda request: reply
    rows = scored(sample("Answer: 430 euros"))
    assert rows[0]["faithfulness"] == (None, cause)
    table = [
        {"question_id": "q", "seed": 0, "scorer": name, "version": "v", "value": value, "reason": reason}
        for name, (value, reason) in rows[0].items()
    ]
    metrics = summary.summarise(Scores.frame(table))
    slug = cause.replace(" ", "_").replace("(", "").replace(")", "")
    assert (metrics["faithfulness"], metrics["faithfulness_n_null"], metrics[f"faithfulness_null_{slug}"]) == (
        None,
        1,
        1,
    )


def test_ragas_is_handed_the_json_alone_of_a_reply_with_thoughts_and_a_preface(cue):
    cue.default = (
        "<think>The {statements} are [none].</think>Here [it] is:\n```json\n"
        '{"statements": [], "question": "", "noncommittal": 0, "reason": "", "verdict": 1}\n```'
    )
    scores = scored(sample("Answer: 430 euros"))[0]
    assert scores["faithfulness"] == (None, "nothing to judge")
    assert scores["context_precision"] == (pytest.approx(1), None)


def test_an_answer_without_statements_is_nothing_to_judge(cue):
    cue.default = '{"statements": [], "question": "", "noncommittal": 0, "reason": "", "verdict": 0}'
    assert scored(sample("Answer: 430 euros"))[0]["faithfulness"] == (None, "nothing to judge")


def test_a_passage_that_was_retrieved_and_not_shown_is_not_scored():
    answers = pl.DataFrame({"question_id": ["q"], "seed": [0], "response": ["x"], "passages": [1]})
    questions = pl.DataFrame({"question_id": ["q"], "gold_chunk_ids": [[["c"]]]})
    contexts = pl.DataFrame({"question_id": ["q"] * 3, "rank": [2, 1, 3], "chunk_id": ["b", "a", "c"]})
    chunks = pl.DataFrame({"chunk_id": ["a", "b", "c"], "text": ["best", "next", "last"]})
    (joined,) = scorers.join_passages(answers, questions, contexts, chunks)
    assert (joined["shown"], joined["gold"]) == (["best"], ["last"])


def scores(version: str, **values: float) -> pl.DataFrame:
    return Scores.frame(
        [
            {
                "question_id": "q",
                "seed": 0,
                "scorer": name,
                "version": f"{name} {version}",
                "value": value,
                "reason": None,
            }
            for name, value in values.items()
        ]
    )


def test_scores_of_one_version_may_be_compared_and_of_two_not():
    arms = {"rag": scores("1", exact=1, judge=0), "tuned": scores("1", exact=0, judge=1)}
    assert versions.same_versions(arms) == {"exact": "exact 1", "judge": "judge 1"}
    arms["tuned"] = pl.concat([scores("1", exact=0), scores("2", judge=1)])
    with pytest.raises(UserError, match=r"scores of judge .* judge 1 \(rag\), judge 2 \(tuned\): score them again"):
        versions.same_versions(arms)
    with pytest.raises(UserError, match="scores of exact"):
        versions.same_versions({"rag": pl.concat([scores("1", exact=1), scores("2", exact=1)])})


def test_another_prompt_is_another_version_of_the_judge(by_rules, monkeypatch, tmp_path):
    (tmp_path / "judge").mkdir()
    (tmp_path / "judge/correct.md").write_text("Be kind. $question $reference $answer")
    before = summary.summarise(all_scores(row("q"), ask_ragas=False))["judge_version"]
    monkeypatch.setattr(prompts, "FOLDER", tmp_path)
    prompts.template.cache_clear()
    after = f"{judge.VERSION} {prompts.digest('judge/correct')} rules-judge-1"
    prompts.template.cache_clear()
    assert before != after


GOLDEN = ROOT / "tests/golden/scorers.json"


def changed(version: str, score: Callable[[dict], object]) -> list[str]:
    """Return the golden cases of a scorer's version that `score` now gives another score than theirs."""
    cases = json.loads(GOLDEN.read_text()).get(version)
    assert cases, f"{GOLDEN.name} has no cases of {version}: write some, in place of those of the version before"
    scores = [score(case) for case in cases]
    return [f"{case} is now {new}" for case, new in zip(cases, scores, strict=True) if case["score"] != new]


ANOTHER = "other scores are another VERSION of the scorer: raise it, and write its cases anew"


def test_every_version_with_golden_cases_is_that_of_a_scorer_tested_here():
    versions = {exact.VERSION, squad.VERSION, choice.VERSION, judge.VERSION}
    assert set(json.loads(GOLDEN.read_text())) == versions, "write a test as those below, and name its VERSION here"


def test_exact_and_f1_of_a_version_stay_what_they_were():
    def score(case: dict) -> dict:
        scores = exact.score(case["response"], case["references"], case["answerable"])
        return {name: round(value, 6) for name, value in scores.items()}

    assert changed(exact.VERSION, score) == [], ANOTHER


def test_squads_scores_of_a_version_stay_what_they_were():
    def score(case: dict) -> dict:
        scores = squad.score(case["response"], case["references"], case["answerable"])
        return {name: round(value, 6) for name, value in scores.items()}

    assert changed(squad.VERSION, score) == [], ANOTHER


def test_choices_of_a_version_stay_what_they_were():
    def score(case: dict) -> dict:
        names = ("response", "likeliest", "options", "references", "answerable")
        return {name: list(score) for name, score in choice.score(*(case[name] for name in names)).items()}

    assert changed(choice.VERSION, score) == [], ANOTHER


def test_judgements_of_a_version_stay_what_they_were(cue):
    async def score(case: dict) -> list:
        cue.script = [(200, ScriptedServer.answer(case["reply"] or ""))]
        cue.seen.clear()
        async with connect(Server(model="m")) as client:
            case = [case[name] for name in ("response", "reference", "answerable")]
            value = await judge.score("What?", *case, client, sample=next(samples))
        return [*value, len(cue.seen)]

    samples = itertools.count()
    assert changed(judge.VERSION, lambda case: asyncio.run(score(case))) == [], ANOTHER


def test_a_mean_over_fewer_than_the_answers_says_over_how_many():
    def rows(scorer: str, *values: float | None, reason: str | None = "refused (400)") -> list[dict]:
        each = {"seed": 0, "scorer": scorer, "version": "v"}
        return [
            each | {"question_id": f"q{n}", "value": value, "reason": None if value is not None else reason}
            for n, value in enumerate(values)
        ]

    undefined = rows("context_precision", None, None, reason="no passages shown")
    table = rows("judge", 1.0, None, 0.0) + rows("exact", 1.0, 0.0) + rows("faithfulness", None, None) + undefined
    assert (
        summary.describe_means(Scores.frame(table)) == "exact 0.500, faithfulness none (0 of 2), judge 0.500 (2 of 3)"
    )


@pytest.fixture
def answered(workplace):
    """Three answers of rag, one of them a refusal, which takes no judge."""
    from schemas.answers import Answers
    from schemas.chunks import Chunks
    from schemas.contexts import Contexts
    from schemas.questions import Questions

    workplace.change("judge", "serve", None)
    question = {"doc_id": None, "kind": "fact", "options": None, "references": ["5 euros"], "gold_chunk_ids": []}
    asked = [question | {"question_id": f"q{n}", "question": f"What, {n}?", "answerable": n < 2} for n in range(3)]
    Questions.write(Questions.frame(asked))
    answer = dict.fromkeys(Answers.types(), 1) | {"seed": 0, "passages": 0, "stopped": True, "likeliest": None}
    rows = [answer | {"question_id": f"q{n}", "response": "Answer: 5 euros"} for n in range(3)]
    Answers.write(Answers.frame(rows), "rag")
    Contexts.write(Contexts.frame([]), "hybrid")
    Chunks.write(Chunks.frame([]))
    return workplace


@pytest.mark.parametrize("lost", [(503, {}), (200, "half a"), (429, {})])
def test_where_requests_of_the_judge_are_lost_to_what_passes_the_next_run_asks_again(
    answered, cue, monkeypatch, capsys, lost
):
    from stages import score as stage

    monkeypatch.setattr(transport, "RETRIES", 0)
    monkeypatch.setattr(transport, "FIRST_RETRIES", 0)
    cue.reply = lambda request: lost
    line = error_line(stage.main, "rag")
    assert "rules-judge-1 at http://127.0.0.1" in line and "run the same command again" in line
    assert not Scores.address("rag").exists()
    cue.reply = lambda request: (400, {"error": {"message": "against our policy"}})
    stage.main("rag")
    assert "judge 0.000 (1 of 3)" in capsys.readouterr().out, "what does not pass is counted, and the run goes on"
