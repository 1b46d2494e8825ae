"""Say why a break-even cannot be told, if it cannot."""

from parts.project import machine
from parts.project.arms import BASELINE, CANDIDATE
from parts.text.numbers import dollars
from parts.verdict.arm_costs import training_timings
from parts.verdict.break_even import Saving

BUSY = 2.0
"""Mean over median of what an arm's answers are charged, above which other work of the machine is in the figures."""


def doubt(upfront: float | None, saving: Saving | None) -> str | None:
    """Return why break-even cannot be told, in words that follow a colon; None: it can be, or there is surely none.

    `upfront`: of the candidate, in dollars, None without a price of the teacher; `saving`: on a question.
    """
    latency, update = machine.read("latency"), machine.read("update_cost")
    trainings = training_timings("adapter")
    if not (latency and trainings and update):
        return "not all of training, update and answers was timed here"
    cpus = list(dict.fromkeys(timing["cpu"] for timing in (*trainings, latency, update)))
    if len(cpus) > 1:
        return f"training, update and answers were timed on different machines, {' and '.join(cpus)}"
    if upfront is None:
        return "prices.yaml has no price for the teacher"
    ratio = max(latency[f"charged_mean_over_median_{arm}"] for arm in (CANDIDATE, BASELINE))
    if ratio > BUSY:
        return f"the machine was busy, for the mean of the timings is {ratio:.1f} times their median"
    if saving is None:
        return "of a single round or question, what an answer saves has no interval"
    if saving.lo <= 0 < saving.hi:
        return f"per 1,000 questions it saves between {dollars(saving.lo * 1000)} and {dollars(saving.hi * 1000)}"
    return None
