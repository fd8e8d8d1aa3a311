"""The small charts of the index: where a line is drawn, where it has a gap, and which runs are marked."""

from nbcompare.commands.views.index.charts import margin_chart, seconds_chart


def test_a_line_has_a_gap_where_a_run_has_no_margin_and_what_is_outside_is_marked():
    chart = margin_chart([2.0, 2.0, None, 0.5, 3.0], "words")
    assert [letter for letter in chart.path if letter in "ML"] == ["M", "L", "M", "L"]
    assert [kind for *_, kind in chart.points] == ["outside", "newest"]
    assert chart.points[0][1] > chart.rules[0][0] > chart.points[1][1]  # downwards: the limit lies between them


def test_a_run_that_stands_alone_is_a_point():
    assert [kind for *_, kind in margin_chart([2.0, None, 3.0, None, 4.0], "words").points] == ["alone", "alone",
                                                                                               "newest"]


def test_seconds_rise_from_the_foot_of_the_chart():
    assert [y for _, y, _ in seconds_chart([0.0, None, 4.0], 4.0, "words").points] == [40.0, 4.0]
