"""Forms of files in a real browser: what it shows is what the studio reads."""

import base64

import numpy as np
import pytest

from studio.commands.file_forms.table import list_forms

pytestmark = pytest.mark.browser

SHOW = """async address => {
    const picture = new Image();
    picture.src = address;
    await picture.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [picture.naturalWidth, picture.naturalHeight];
    const context = canvas.getContext("2d");
    context.fillStyle = "white";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(picture, 0, 0);
    return Array.from(context.getImageData(0, 0, canvas.width, canvas.height).data);
}"""
"""Returns the pixels of a picture laid on white, as red, green, blue and opacity."""


def test_the_browser_shows_each_form_as_it_is_drawn(open_tab):
    tab = open_tab()
    asked = [form for form in list_forms() if form.media_type and form.shows is not None]
    assert len(asked) > 30
    wrong = {}
    for form in asked:
        shown = tab.evaluate(SHOW, f"data:{form.media_type};base64,{base64.b64encode(form.data).decode()}")
        pixels = np.array(shown).reshape(*form.shows.shape[:2], 4)[..., :3]
        difference = int(np.abs(pixels - form.shows).max())
        if difference > form.tolerance:
            wrong[f"{form.kind} {form.title}"] = difference
    assert wrong == {}
