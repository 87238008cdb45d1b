"""The report on a dataset: what is in it, at which sizes it is trained, and what is wrong with it."""

from __future__ import annotations

import streamlit as st

from studio.datasets import DatasetReport
from studio.ui.shared.amounts import describe_count
from studio.ui.shared.markdown import escape_markdown
from studio.ui.shared.tables import plain_table

_SIZES_SHOWN = 4


def draw_report(report: DatasetReport) -> None:
    """Draw the figures as a table, and each thing that the designer may want to change as a sentence."""
    rows = [
        ("Pictures", _describe_pictures(report)),
        ("Sizes", _describe_sizes([(one.width_px, one.height_px, one.pictures) for one in report.sizes])),
        ("Trained at", _describe_sizes([(one.width_px, one.height_px, one.pictures) for one in report.buckets])),
        ("Captions", _describe_captions(report)),
    ]
    if report.pairs:
        rows.append(("Pairs", f"{describe_count(report.pairs)} variations of {describe_count(report.sources)} sources"))
    st.html(plain_table(rows, "What is in the dataset"))
    remarks = list_remarks(report)
    if not remarks:
        return
    number = "1 remark" if len(remarks) == 1 else f"{len(remarks)} remarks"
    with st.expander(f"{number} on these pictures", key="train_remarks", icon=":material/info:"):
        for sentence in remarks:
            st.markdown(f"- {escape_markdown(sentence)}")


def list_remarks(report: DatasetReport) -> list[str]:
    """Return the sentences of a report on what is wrong, without those on what the table shows."""
    shown = ("Sizes: ", "Trained at: ", f"{report.name}: ")
    told = f"{report.pairs} variation"
    return [line for line in report.lines() if not line.startswith((*shown, told))]


def _describe_pictures(report: DatasetReport) -> str:
    pictures = f"{describe_count(report.pictures)} picture{'' if report.pictures == 1 else 's'}"
    designs = f"{describe_count(report.designs)} design{'' if report.designs == 1 else 's'}"
    unused = f"; {describe_count(len(report.unreadable))} cannot be read" if report.unreadable else ""
    return f"{pictures} of {designs}{unused}"


def _describe_captions(report: DatasetReport) -> str:
    missing = len(report.without_caption)
    if not missing:
        return "all there"
    return (
        "none"
        if missing == report.pictures
        else f"{describe_count(missing)} of {describe_count(report.pictures)} missing"
    )


def _describe_sizes(sizes: list[tuple[int, int, int]]) -> str:
    shown = [f"{width} × {height} ({describe_count(number)})" for width, height, number in sizes[:_SIZES_SHOWN]]
    more = len(sizes) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
