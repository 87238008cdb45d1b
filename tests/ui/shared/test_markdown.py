"""Names from outside in Markdown."""

from __future__ import annotations

import pytest

from studio.ui.shared.markdown import escape_markdown


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("Built-in sketch model", "Built-in sketch model"),
        ("a *b* _c_ [d](e) `f` $g$ :red[h]", r"a \*b\* \_c\_ \[d\](e) \`f\` \$g\$ \:red\[h\]"),
        ("- one", r"\- one"),
        ("# one", r"\# one"),
        ("12. one", r"12\. one"),
        ("one\n+ two\n3. three", "one\n\\+ two\n3\\. three"),
        ("kilim 2.5 + 3", "kilim 2.5 + 3"),
        ("x: model_index.json, __x__", r"x: model_index.json, \_\_x\_\_"),
        ("![a](http://b/c.png)", r"\!\[a\](http\://b/c.png)"),
        (r"back\slash <b> a|b", r"back\\slash \<b\> a\|b"),
    ],
)
def test_what_markdown_would_interpret_is_escaped(text: str, escaped: str) -> None:
    assert escape_markdown(text) == escaped
