"""Generate: a design and a prompt in, variations out."""

import streamlit as st

from studio.errors import RequestError, StorageError, StudioError
from studio.ui.generate import address, run_panel
from studio.ui.generate.colourways import draw_colourways
from studio.ui.generate.form import drafts, form, form_values, source
from studio.ui.generate.form.constraints import can_repeat, check_constraints
from studio.ui.generate.form.model import draw_model, find_model
from studio.ui.session import workspace
from studio.ui.shared.design_facts import draw_facts
from studio.ui.shared.favourites import STAR_STYLE
from studio.ui.shared.navigation import HIDDEN_TITLE
from studio.ui.shared.notices import show_notices

try:
    studio = workspace()
except StorageError as error:
    st.error(str(error))
    st.stop()

show_notices()
st.html(STAR_STYLE)
st.html(HIDDEN_TITLE.format("Generate"))
settings = studio.settings.load()
entry, model_problem = find_model(settings)
form_values.prepare_form(entry)
for problem in address.follow_address(studio, settings, entry):
    st.warning(problem, icon=":material/link_off:")
design = source.current_source(studio.catalogue)


def draw_form() -> None:
    """Draw the settings and the button that starts a run with them."""
    form.draw_notice()
    form.draw_form(entry, settings, design)
    problem = st.container()  # above the button, where it is seen
    if st.button("Generate", key="generate", type="primary", shortcut="Ctrl+Enter", width="stretch"):
        try:
            if model_problem is not None:
                raise RequestError(model_problem)
            if design is None:
                raise RequestError("There is no design yet. Drop a picture above, or take one of the samples.")
            request = form_values.read_request(
                design.sha256, source.current_parent(), entry, settings, repeatable=can_repeat(design)
            )
            check_constraints(design, request.constraints)
            address.show_run(studio.jobs.submit(request))
            if source.picking(design):
                source.stop_picking()
                st.rerun()  # the offers make room for the run
        except StudioError as error:
            problem.error(str(error))
    run_panel.draw_others(studio, address.shown_run())
    draw_model(entry, model_problem)


if source.picking(design):
    # On a phone the offers follow the upload; beside it they are as tall as upload and form together.
    with st.grid(3, min_column_width=280, gap=("medium", "large")) as grid:
        with grid.cell():
            source.draw_upload(studio.catalogue, design)
        with grid.cell(column_span=2, row_span=2):
            source.draw_offers(studio.catalogue, form_values.suggest_prompt)
        with grid.cell():
            draw_form()
else:
    inputs, results = st.columns([1, 2], gap="large")
    with inputs:
        source.draw_source(design)
        draw_facts(design)
        draw_colourways(design)
        draw_form()
    with results:
        if run_panel.is_run_of(studio, address.shown_run(), design):
            run_panel.draw_run(studio, address.shown_run())
        else:
            run_panel.draw_waiting_sheet(design, form_values.read_form().count)
            run_panel.draw_way_back(studio, address.shown_run(), source.choose_source)

address.keep_address()
drafts.keep_draft(source.current_sha256(), entry.id)
