"""The forms of files: each is read as it is drawn, and the document says so."""

import numpy as np
import pytest

from studio.commands import main
from studio.commands.file_forms.table import list_forms, read_form
from studio.designs import open_design
from studio.workspace import PROJECT

FORMS = list(list_forms())


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.kind} {form.title}")
def test_each_form_is_read_as_it_is_drawn(form):
    row = read_form(form)
    assert row.right, row.cells


@pytest.mark.parametrize("form", [form for form in FORMS if form.shows is not None and not form.tolerance])
def test_a_form_that_is_turned_is_misread(form):
    # The drawing has no symmetry, so that the comparison can fail.
    assert not np.array_equal(form.shows, form.shows[::-1]) and not np.array_equal(form.shows, form.shows[:, ::-1])
    assert np.array_equal(np.asarray(open_design(form.data).image), form.shows)


def test_the_document_is_what_the_command_makes(capsys):
    assert main(["benchmark", "files"]) == 0
    said = capsys.readouterr()
    assert said.out == (PROJECT / "docs" / "files.md").read_text("utf-8")
    assert f"{len(FORMS)} forms, 0 misread" in said.err
