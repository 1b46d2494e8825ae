"""Numbers and tables as a reader sees them."""

import pytest

from parts.text import markdown
from parts.text.numbers import dollars, interval, number, percent, signed, with_interval
from parts.text.terminal import table


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (number(0.12345), "0.123"),
        (number(12.6, 0), "13"),
        (number(None), "-"),
        (signed(0.5), "+0.500"),
        (signed(None), "-"),
        (percent(0.1234), "12.3%"),
        (percent(None), "-"),
        (dollars(1234.5), "$1,234.50"),
        (dollars(-2), "-$2.00"),
        (dollars(0.5), "$0.50"),
        (dollars(0.01234), "$0.012"),
        (dollars(0.00005), "$0.000050"),
        (dollars(0), "$0.00"),
        (dollars(None), "-"),
        (interval(0.1, None), "0.100 to -"),
        (with_interval(0.1, -0.2, 0.3, signed), "+0.100 (-0.200 to +0.300)"),
        (with_interval(0.1, None, None), "0.100"),
    ],
)
def test_a_number_reads_as_it_should(text, expected):
    assert text == expected


HEAD, ROWS = ("arm", "accuracy", ""), [("rag", "0.5", "007"), ("tuned_rag", "12.25", "")]


def test_a_table_of_markdown_has_a_rule_below_its_head():
    assert markdown.table(HEAD, ROWS).splitlines() == [
        "| arm | accuracy |  |",
        "| --- | --- | --- |",
        "| rag | 0.5 | 007 |",
        "| tuned_rag | 12.25 |  |",
    ]


def test_a_table_of_a_terminal_is_aligned_and_its_cells_stay_as_they_are():
    assert table(HEAD, ROWS).splitlines() == [
        "arm        accuracy",
        "rag             0.5  007",
        "tuned_rag     12.25",
    ]
    assert table(HEAD, ROWS, "left").splitlines() == [
        "arm        accuracy",
        "rag        0.5       007",
        "tuned_rag  12.25",
    ]
