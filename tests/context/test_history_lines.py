"""What earlier commits did to the lines around the cursor."""

from pathlib import Path

import pytest

from context.history import function_history
from tests.context.git_repository import Repository

FIRST = "import os\n\n\ndef price(item):\n    return item.price\n\n\ndef tax(item):\n    return 2\n"
SECOND = FIRST.replace("return item.price", "return item.price * 2")
THIRD = SECOND.replace("return 2\n", "return 3\n")
FOURTH = THIRD.replace("def price(item):", "def price(item, discount=0):").replace("* 2", "* 2 - discount")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "shop")
    made.commit("Prices", {"price.py": FIRST})
    made.commit("Double", {"price.py": SECOND})
    made.commit("Tax", {"price.py": THIRD})
    made.commit("Discount", {"price.py": FOURTH})
    return made


def test_each_commit_that_changed_the_lines_shows_them_before_and_after(repository: Repository) -> None:
    changes = function_history(repository.root, "price.py", 3, 4)
    assert [(change.subject, change.before, change.after) for change in changes] == [
        (
            "Discount",
            "def price(item):\n    return item.price * 2\n",
            "def price(item, discount=0):\n    return item.price * 2 - discount\n",
        ),
        (
            "Double",
            "def price(item):\n    return item.price\n",
            "def price(item):\n    return item.price * 2\n",
        ),
        ("Prices", "", "def price(item):\n    return item.price\n"),
    ]
    assert changes[0].sha == repository.git("rev-parse", "HEAD")
    assert changes[0].date == int(repository.git("log", "-1", "--format=%at"))


def test_no_more_changes_than_asked_for(repository: Repository) -> None:
    assert len(function_history(repository.root, "price.py", 3, 4, most=1)) == 1


def test_lines_are_counted_on_disk_or_in_the_text_that_is_given(repository: Repository) -> None:
    repository.write("price.py", "# a new comment\n# of two lines\n" + FOURTH)
    assert [change.subject for change in function_history(repository.root, "price.py", 9, 10)] == [
        "Tax",
        "Prices",
    ]
    text = "\n" * 10 + FOURTH
    found = function_history(repository.root, "price.py", 17, 18, text_now=text)
    assert [change.subject for change in found] == ["Tax", "Prices"]


def test_a_function_that_is_being_changed_keeps_its_past(repository: Repository) -> None:
    repository.write("price.py", FOURTH.replace("    return 3\n", "    rate = 4\n    return rate\n"))
    found = function_history(repository.root, "price.py", 7, 9)
    assert [change.subject for change in found] == ["Tax", "Prices"]


@pytest.mark.parametrize(
    ("path", "start", "end"),
    [
        ("price.py", 500, 600),
        ("price.py", 5, 3),
        ("none.py", 0, 1),
        ("price.py", -3, -1),
        ("", 0, 0),
        ("..", 0, 0),
    ],
)
def test_lines_that_are_not_there_have_no_past(
    repository: Repository, path: str, start: int, end: int
) -> None:
    assert function_history(repository.root, path, start, end) == ()


def test_lines_that_are_new_have_no_past(repository: Repository) -> None:
    repository.write("price.py", FOURTH + "\n\ndef new():\n    pass\n")
    assert function_history(repository.root, "price.py", 11, 12) == ()


def test_a_function_is_followed_through_a_rename_of_its_file(repository: Repository) -> None:
    repository.git("mv", "price.py", "money.py")
    repository.commit("Renamed")
    found = function_history(repository.root, "money.py", 7, 8)
    assert [change.subject for change in found][-2:] == ["Tax", "Prices"]


def test_without_time_there_is_no_answer_and_no_error(repository: Repository) -> None:
    assert function_history(repository.root, "price.py", 3, 4, timeout_s=0) == ()
