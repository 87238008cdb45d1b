"""Train page: an adapter taught from a folder of designs; earlier trainings and what came of them."""

from __future__ import annotations

import streamlit as st

from studio.errors import NotFoundError, StudioError
from studio.ui.shared.markdown import escape_markdown
from studio.ui.shared.notices import show_notices
from studio.ui.train.preparation import draw_preparation
from studio.ui.train.training_list import draw_active, draw_trainings
from studio.ui.train.watch import draw_training, show_training, shown_training


def draw_all() -> None:
    """Draw the preparation of a training beside the list of those that there are."""
    st.caption(
        "Teach a model your own carpets. From a folder of designs it learns an adapter: a file that is chosen in "
        "Settings, and draws in their style. It is trained on this computer, and no picture leaves it."
    )
    draw_active()
    new, earlier = st.columns([3, 2], gap="large")
    with new:
        draw_preparation()
    with earlier:
        draw_trainings()


st.title("Train")
show_notices()
try:
    shown = shown_training()
    if shown is None:
        draw_all()
    else:
        draw_training(shown)
except NotFoundError as error:
    st.warning(escape_markdown(error))
    st.button("All trainings", icon=":material/arrow_back:", on_click=show_training, args=(None,))
except StudioError as error:
    st.error(escape_markdown(error))
