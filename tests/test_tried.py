"""docs/models.md says what was tried of students and servers, and what became of it."""

from tests.helpers import tried


def test_the_page_on_models_has_what_the_tests_tried_of_students_and_servers():
    text = tried.PAGE.read_text()
    assert text == tried.page(text), "python -m tests.helpers.tried"
