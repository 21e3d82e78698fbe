"""N7: what a person writes is what the agent reads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_jupyter.notebook.errors import UnknownVariable
from hermes_jupyter.notebook.prompt import LONGEST, fill

#: What formatting, shells and Markdown would take for theirs.
PIECES = st.sampled_from(
    [
        "$",
        "`",
        "\\",
        "{",
        "}",
        "{x}",
        "$x",
        "${x}",
        "%s",
        "%%",
        '"',
        "'",
        "x",
        "\n",
        "\r\n",
        "🦉",
        " ",
    ]
)
NAMES = st.from_regex(r"[a-z_]\w{0,8}", fullmatch=True)
#: Text without the one thing that stands for something else.
PLAIN = st.lists(PIECES | st.text(max_size=5)).map("".join).filter(lambda text: "$`" not in text)


@given(PLAIN)
def test_text_arrives_as_it_stands(text: str) -> None:
    assert fill(text, {}, repr) == (text, [])


def test_200_kb_arrive_as_they_stand() -> None:
    text = '{x} $x ${x} %s "q" \\n \\\\ 🦉\r\n\t' * 8000
    assert len(text.encode()) > 200_000
    assert fill(text, {}, repr) == (text, [])


@given(PLAIN, NAMES, st.text(), PLAIN)
def test_a_variable_is_put_where_it_is_named(
    before: str, name: str, value: str, after: str
) -> None:
    before = before.rstrip("\\")
    text, (inserted,) = fill(f"{before}$`{name}`{after}", {name: value}, repr)
    assert text == before + value + after
    assert (inserted.name, inserted.length) == (name, len(value))


@given(PLAIN, NAMES)
def test_a_backslash_keeps_it_as_text(before: str, name: str) -> None:
    assert fill(f"{before}\\$`{name}`", {}, repr) == (f"{before}$`{name}`", [])


def test_mathematics_is_no_variable() -> None:
    text = r"Solve $`\sqrt{x + 1} = 2`$ and $`x^2`$."
    assert fill(text, {}, repr) == (text, [])


def test_a_value_is_not_read_again() -> None:
    assert fill("$`a`", {"a": "$`b`"}, repr)[0] == "$`b`"


def test_a_long_value_is_cut_and_says_so() -> None:
    text, (inserted,) = fill("$`a` $`a`", {"a": "b" * 50_000}, repr)
    notice = "\n[cut here: 20,000 of 50,000 characters]"
    assert text == " ".join(["b" * LONGEST + notice] * 2)
    assert inserted.title == "a (str, 50,000 characters, cut to 20,000)"


def test_an_unknown_name_is_refused_with_what_was_meant() -> None:
    with pytest.raises(UnknownVariable, match=r"`reading`, so nothing was sent\..*`readings`"):
        fill("$`readings` $`reading`", {"readings": [1]}, repr)


def test_what_is_shown_of_it_is_no_markup() -> None:
    _, (inserted,) = fill("$`a`", {"a": "<img src=x onerror=alert(1)>"}, repr)
    assert "<img" not in inserted.to_html()
