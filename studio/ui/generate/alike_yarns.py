"""The yarns of a design that look alike, named by number, and one click that merges them into a design of its own."""

from __future__ import annotations

import streamlit as st

from studio.catalogue import Catalogue, Source
from studio.designs.files.export import encode_png
from studio.designs.yarns import merge_alike
from studio.ui.generate.form.source import choose_source
from studio.ui.generate.form.yarns import find_yarns
from studio.ui.session import workspace
from studio.ui.shared.facts.design_facts import find_density, find_facts
from studio.ui.shared.notices import attempt
from studio.ui.shared.pictures import title_of

_PAIRS_SHOWN = 4


def offer_merging(source: Source) -> None:
    """Draw the pairs of yarns that look alike, and a button that makes the design with them merged the current one."""
    facts = find_facts(source.sha256)
    if facts is None or not facts.indexed or not facts.near_yarns:
        return
    st.caption(f":material/info: {describe_pairs(facts.near_yarns)}")
    st.button(
        "Merge yarns nearly alike",
        key="design_merge_alike",
        icon=":material/merge:",
        type="tertiary",
        help="Makes the design with the larger yarn of each pair in place of the other the design to vary. All yarns "
        "keep their numbers. To undo it, choose the design as it was under “Change design”.",
        on_click=_take,
        args=(workspace().catalogue, source),
    )


def describe_pairs(pairs: tuple[tuple[int, int, float], ...]) -> str:
    """Return the pairs in a sentence, the nearest first: Yarns that look alike: 2 and 5 (ΔE 0.8)."""
    named = [f"{first} and {second} (ΔE {difference:.1f})" for first, second, difference in pairs[:_PAIRS_SHOWN]]
    hidden = len(pairs) - len(named)
    more = f", and {hidden} more pair{'' if hidden == 1 else 's'}" if hidden else ""
    return f"Yarns that look alike: {', '.join(named)}{more}."


def _take(catalogue: Catalogue, source: Source) -> None:
    def take() -> None:
        data = encode_png(merge_alike(find_yarns(source.sha256)), find_density(source.sha256))
        choose_source(catalogue.add_source(data, label=f"{title_of(source)}, yarns merged"), akin=True)

    attempt(take)
