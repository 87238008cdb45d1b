"""Generate page: variations of a design, drawn from a prompt."""

import streamlit as st

from studio.catalogue import Source
from studio.errors import RequestError, StorageError, StudioError
from studio.ui.generate import query_parameters, run_panel
from studio.ui.generate.alike_yarns import offer_merging
from studio.ui.generate.colourways import draw_colourways
from studio.ui.generate.form import cross, drafts, form, form_values, source
from studio.ui.generate.form.constraints import can_repeat, check_constraints
from studio.ui.generate.form.model import draw_model, find_model
from studio.ui.generate.form.obstacles import find_obstacle
from studio.ui.session import workspace
from studio.ui.shared.facts.design_facts import draw_facts
from studio.ui.shared.favourites import STAR_STYLE
from studio.ui.shared.markdown import escape_markdown
from studio.ui.shared.navigation import HIDDEN_TITLE
from studio.ui.shared.notices import show_notices
from studio.ui.shared.pictures import title_of
from studio.ui.shared.reading_progress import draw_reading

try:
    studio = workspace()
except StorageError as error:
    st.error(escape_markdown(error))
    st.stop()

show_notices()
st.html(STAR_STYLE)
st.html(HIDDEN_TITLE.format("Generate"))
settings = studio.settings.load()
entry, model_problem = find_model(settings)
form_values.prepare_form(entry)
draw_reading()
for problem in query_parameters.follow_address(studio, settings, entry):
    st.warning(escape_markdown(problem), icon=":material/link_off:")
source.take_chosen_file()
cross.take_second_file()


def draw_choice(design: Source | None) -> None:
    """Draw the page while a design is being chosen; `design` is the current one, if any."""
    # On a phone the offers follow the upload; on a wide screen they stand beside it, as tall as upload and form.
    with st.grid(3, min_column_width=280, gap=("medium", "large")) as grid:
        with grid.cell():
            source.draw_file_choice(another=design is not None)
        with grid.cell(column_span=2, row_span=2):
            source.draw_offers(studio.catalogue, form_values.suggest_prompt)
        with grid.cell():
            draw_form(design)


def draw_chosen_file(design: Source | None) -> None:
    """Draw the page with a file that was chosen, in the places of `draw_work`.

    So the form stays where it is when the file becomes the design, with the words that are just being typed.
    """
    inputs, offers = st.columns([1, 2], gap="large")
    with inputs:
        with st.container():
            refused = source.draw_file_choice(another=design is not None)
        with st.container():
            draw_form(design, refused)
    with offers:
        source.draw_offers(studio.catalogue, form_values.suggest_prompt)


def draw_work(design: Source) -> None:
    """Draw the page with a design: the form on the left, the run on the right."""
    inputs, results = st.columns([1, 2], gap="large")
    with inputs:
        with st.container():
            source.draw_source(design)
            draw_facts(design)
            offer_merging(design)
            draw_colourways(design)
        with st.container():
            draw_form(design)
    with results:
        draw_results(design)


def draw_form(design: Source | None, refused: str | None = None) -> None:
    """Draw the form, the button that starts a run, other sessions' runs and the model.

    `refused` is the name of a chosen file that cannot be used.
    """
    form.draw_notice()
    form.draw_form(entry, settings, design)
    problem = st.container()  # above the button, where it is seen
    obstacle = find_obstacle(design, refused)
    if obstacle is not None:
        st.caption(f":material/block: {obstacle}")
    elif design is not None and source.is_picking():
        st.caption(f"Until you choose another design, “{escape_markdown(title_of(design))}” is drawn.")
    if st.button(
        "Generate",
        key="generate",
        type="primary",
        shortcut="Ctrl+Enter",
        width="stretch",
        disabled=obstacle is not None,
    ):
        try:
            start_run(design)
        except StudioError as error:
            problem.error(escape_markdown(error))
    run_panel.draw_others(studio, query_parameters.shown_run())
    draw_model(entry, model_problem, form_values.read_form().drawing)


def start_run(design: Source | None) -> None:
    """Submit the run that the form describes and show it. Raises `StudioError` on what cannot be drawn."""
    if model_problem is not None and form_values.read_form().drawing != "motifs":
        raise RequestError(model_problem)
    if design is None:
        raise RequestError("There is no design yet. Drop a picture above, or take one of the samples.")
    request = form_values.read_request(
        design.sha256, source.current_parent(), entry, settings, repeatable=can_repeat(design)
    )
    check_constraints(design, request.constraints)
    query_parameters.show_run(studio.jobs.submit(request))
    run_panel.bring_into_view()
    if source.is_picking() or source.is_choosing_file():
        source.stop_picking()
        st.rerun()  # the run replaces the offers


def draw_results(design: Source) -> None:
    """Draw the run that is shown or, if there is none of this design, empty places for the next one."""
    run_id = query_parameters.shown_run()
    if run_id is not None and run_panel.belongs_to(studio, run_id, design):
        run_panel.draw_run(studio, run_id)
        return
    run_panel.draw_waiting_sheet(design, form_values.read_form().count)
    if run_id is not None:
        run_panel.draw_way_back(studio, run_id, source.choose_source)


current = source.current_source(studio.catalogue)
if source.is_choosing_file():
    draw_chosen_file(current)
elif current is None or source.is_picking():
    draw_choice(current)
else:
    draw_work(current)

query_parameters.keep_address()
drafts.keep_draft(source.current_sha256(), entry.id)
