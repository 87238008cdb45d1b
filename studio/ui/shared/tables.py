"""Tables of parameters, as escaped HTML: a prompt must be shown as plain text, not read as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby

from studio.ui.shared.facts.record_facts import RecordWithDesign
from studio.ui.shared.facts.weaving_facts import NOTHING
from studio.ui.shared.parameters import PARAMETERS, Comparison

_STYLE = """<style>
.facts-frame { overflow-x: auto; }
.facts { width: 100%; border-collapse: separate; border-spacing: 0; font-size: 0.875rem; line-height: 1.45; }
.facts th, .facts td { padding: 0.4rem 0.75rem 0.4rem 0; text-align: left; vertical-align: top; font-weight: 400;
  border-bottom: 1px solid color-mix(in srgb, currentColor 10%, transparent); overflow-wrap: anywhere; }
.facts th[scope="row"] { width: 9.5rem; overflow-wrap: normal;
  color: color-mix(in srgb, currentColor 65%, transparent); }
.facts th[scope="rowgroup"] { padding-top: 1.1rem; font-weight: 600; }
.facts tbody:first-of-type th[scope="rowgroup"] { padding-top: 0; }
.facts td { font-variant-numeric: tabular-nums; }
.facts-compare { table-layout: fixed; }
.facts-compare th, .facts-compare td { padding-left: 0.6rem; }
.facts-compare thead th { font-weight: 600; border-bottom-width: 2px; }
.facts-compare th:first-child { width: 7.5rem; }
.facts-compare .differs > * { background: color-mix(in srgb, #e0a100 16%, transparent); }
.facts-compare .differs th { font-weight: 600; color: inherit; }
@media (max-width: 1000px) { /* the names stay when the table scrolls sideways */
  .facts-compare th:first-child { position: sticky; left: 0; z-index: 1; background: light-dark(#fbf9f5, #1b1917); }
  .facts-compare .differs th:first-child {
    background: color-mix(in srgb, #e0a100 16%, light-dark(#fbf9f5, #1b1917)); }
}
.facts-around { container: facts / inline-size; }
.facts-hint { display: none; margin: 0 0 0.4rem; font-size: 0.85rem; opacity: 0.78; }
.facts-mark { float: right; font-weight: 600; }
</style>"""


def facts_table(picture: RecordWithDesign) -> str:
    """Return a picture's parameters as an HTML table in groups, without those that do not apply to it."""
    groups = []
    read = [(parameter, value) for parameter in PARAMETERS if (value := parameter.read(picture)) != NOTHING]
    for group, values in groupby(read, key=lambda one: one[0].group):
        head = f'<tr><th scope="rowgroup" colspan="2">{escape(group)}</th></tr>'
        rows = "".join(
            f'<tr><th scope="row">{escape(parameter.label)}</th><td>{escape(value)}</td></tr>'
            for parameter, value in values
        )
        groups.append(f"<tbody>{head}{rows}</tbody>")
    return f'{_STYLE}<table class="facts" aria-label="How this picture was made">{"".join(groups)}</table>'


def plain_table(rows: Sequence[tuple[str, str]], label: str) -> str:
    """Return names and values as an HTML table. Screen readers read `label`."""
    body = "".join(f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>' for name, value in rows)
    return f'{_STYLE}<table class="facts" aria-label="{escape(label)}"><tbody>{body}</tbody></table>'


def comparison_table(names: Sequence[str], comparisons: Sequence[Comparison], *, marked: bool) -> str:
    """Return parameters as an HTML table with one column per picture. `marked` highlights those that differ."""
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in ("Parameter", *names))
    rows = "".join(_comparison_row(comparison, marked=marked and comparison.differs) for comparison in comparisons)
    least = f"{7.5 + 7.5 * len(names)}rem"
    hint = f"@container facts (max-width: calc({least} - 1px)) {{ .facts-hint {{ display: block; }} }}"
    return (
        f'{_STYLE}<style>{hint}</style><div class="facts-around">'
        f'<p class="facts-hint">Swipe the table sideways for the columns up to {escape(names[-1])}.</p>'
        f'<div class="facts-frame" tabindex="0" role="region" aria-label="Parameters compared">'
        f'<table class="facts facts-compare" style="min-width:{least}"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div></div>"
    )


def figures_table(corner: str, heads: Sequence[str], rows: Sequence[tuple[str, str, Sequence[str]]], label: str) -> str:
    """Return figures as an HTML table. A row has a name, a help text and its cells, which are escaped HTML already."""
    columns = "".join(f'<th scope="col">{escape(head)}</th>' for head in (corner, *heads))
    body = "".join(
        f'<tr><th scope="row" title="{escape(means)}">{escape(name)}</th>'
        + "".join(f"<td>{cell}</td>" for cell in cells)
        + "</tr>"
        for name, means, cells in rows
    )
    least = f"{8 + 6.5 * len(heads)}rem"
    return (
        f'{_STYLE}<div class="facts-frame" tabindex="0" role="region" aria-label="{escape(label)}">'
        f'<table class="facts facts-compare" style="min-width:{least}"><thead><tr>{columns}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _comparison_row(comparison: Comparison, *, marked: bool) -> str:
    """Return a row. A difference is marked by colour, and by a sign for readers who do not see the colour."""
    cells = "".join(f"<td>{escape(value)}</td>" for value in comparison.values)
    mark = (
        '<span class="facts-mark" role="img" aria-label="differs" title="The pictures differ">≠</span>'
        if marked
        else ""
    )
    kind = ' class="differs"' if marked else ""
    return f'<tr{kind}><th scope="row">{mark}{escape(comparison.parameter.label)}</th>{cells}</tr>'
