"""Tables of parameters. As HTML, because what a designer typed into a prompt is text, never Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby

from studio.ui.shared.parameters import PARAMETERS, Comparison, Exhibit

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
@media (max-width: 1000px) { /* where the table scrolls sideways, its names stay */
  .facts-compare th:first-child { position: sticky; left: 0; z-index: 1; background: Canvas; }
  .facts-compare .differs th:first-child { background: color-mix(in srgb, #e0a100 16%, Canvas); }
}
.facts-mark { float: right; font-weight: 600; }
</style>"""


def facts_table(exhibit: Exhibit) -> str:
    """Return a picture's parameters as an HTML table, in groups."""
    groups = []
    for group, parameters in groupby(PARAMETERS, key=lambda parameter: parameter.group):
        head = f'<tr><th scope="rowgroup" colspan="2">{escape(group)}</th></tr>'
        rows = "".join(
            f'<tr><th scope="row">{escape(p.label)}</th><td>{escape(p.read(exhibit))}</td></tr>' for p in parameters
        )
        groups.append(f"<tbody>{head}{rows}</tbody>")
    return f'{_STYLE}<table class="facts" aria-label="How this picture was made">{"".join(groups)}</table>'


def plain_table(rows: Sequence[tuple[str, str]], label: str) -> str:
    """Return names and values as an HTML table; `label` is read by screen readers."""
    body = "".join(f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>' for name, value in rows)
    return f'{_STYLE}<table class="facts" aria-label="{escape(label)}"><tbody>{body}</tbody></table>'


def comparison_table(names: Sequence[str], comparisons: Sequence[Comparison], *, marked: bool) -> str:
    """Return parameters as an HTML table, a column a picture; `marked` points out those that differ."""
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in ("Parameter", *names))
    rows = "".join(_comparison_row(comparison, marked=marked and comparison.differs) for comparison in comparisons)
    least = f"min-width:{7.5 + 7.5 * len(names)}rem"
    return (
        f'{_STYLE}<div class="facts-frame" tabindex="0" role="region" aria-label="Parameters compared">'
        f'<table class="facts facts-compare" style="{least}"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _comparison_row(comparison: Comparison, *, marked: bool) -> str:
    """Return a row; what differs is marked by colour, and by a sign for those who do not see it."""
    cells = "".join(f"<td>{escape(value)}</td>" for value in comparison.values)
    mark = '<span class="facts-mark" role="img" aria-label="differs" title="These differ">≠</span>' if marked else ""
    kind = ' class="differs"' if marked else ""
    return f'<tr{kind}><th scope="row">{mark}{escape(comparison.parameter.label)}</th>{cells}</tr>'
