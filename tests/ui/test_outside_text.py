"""Text from outside is drawn as it is: no name, prompt, record, address or error is read as Markdown on any page."""

from __future__ import annotations

import ast
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.message import Message
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block, Node

from studio.adapter_evaluation.results import BestWeight
from studio.adapter_training.folder import TrainingFacts, TrainingFolder
from studio.models.registry import BUILTIN_FOLDER
from studio.schema import LoraRecipe
from studio.workspace import PROJECT, Workspace
from tests.support.catalogue_records import SOURCE, save
from tests.support.evaluations import make_evaluation
from tests.support.pages import open_page, run, studio
from tests.support.pictures import draw_picture, encode_picture
from tests.support.train_page import read_folder, write_carpets

__all__ = ["studio"]

PICTURE = "![leak](p.png) :red[x]"
"""Without a stroke or two dots in a row, so that it can be the name of a file, a folder or a run."""
UNESCAPED = ("![leak](", ":red[x]")
ALERTS = {"error", "warning", "info", "success", "toast", "exception"}
OWN_WORDS = ("page", "where")
"""Names in alerts that hold nothing from outside: the address of a listed model, and “Apple silicon” or the like."""
NOT_MARKDOWN = {
    ("Html", "body"),
    ("Code", "code_text"),
    ("Text", "body"),
    ("TextInput", "value"),
    ("TextInput", "default"),
    ("TextInput", "placeholder"),
    ("TextArea", "value"),
    ("TextArea", "default"),
    ("Selectbox", "options"),
    ("Selectbox", "raw_value"),
    ("MultiSelect", "options"),
    ("PageLink", "query_string"),
}
"""Fields of Streamlit's messages that the browser shows as plain text, as escaped HTML, or not at all."""


def strings(message: Message) -> Iterator[str]:
    """Yield every text in a message that a browser may read as Markdown."""
    for field, value in message.ListFields():
        if (message.DESCRIPTOR.name, field.name) in NOT_MARKDOWN:
            continue
        several = value if not isinstance(value, (str, bytes, Message)) and hasattr(value, "__iter__") else [value]
        for one in several:
            if isinstance(one, Message):
                yield from strings(one)
            elif isinstance(one, str):
                yield one


def read_markdown(node: Node) -> Iterator[str]:
    """Yield every text of a page, or a part of one, that a browser may read as Markdown."""
    proto = getattr(node, "proto", None)  # the page itself has none
    if isinstance(proto, Message):
        yield from strings(proto)
    if isinstance(node, Block):
        for child in node.children.values():
            yield from read_markdown(child)


def check(app: AppTest, *, shown: bool = True) -> AppTest:
    """Check that nothing on the page reads the text as Markdown and, if `shown`, that the text is there, escaped."""
    texts = list(read_markdown(app._tree))
    assert [text for text in texts if any(mark in text for mark in UNESCAPED)] == []
    assert not shown or any(r"\!\[leak\](" in text for text in texts)
    return app


@pytest.fixture
def hostile(studio: Workspace) -> dict[str, str]:
    """Fill the studio with designs and pictures whose every text is hostile; return ids by kind."""
    add = studio.catalogue.add_source
    design = add(encode_picture(draw_picture(64, 80)), label=PICTURE)
    second = add(encode_picture(draw_picture(80, 64, 3)), label=f"second {PICTURE}")
    facts = {
        "model": PICTURE,
        "model_title": PICTURE,
        "model_fingerprint": PICTURE,
        "adapter_name": PICTURE,
        "adapter_sha256": "c0ffee" + "0" * 58,
        "adapter_weight": 0.5,
        "profile": PICTURE,
        "device": PICTURE,
        "precision": PICTURE,
        "versions": {PICTURE: PICTURE},
        "notes": (PICTURE,),
    }
    words = {"prompt": PICTURE, "negative_prompt": PICTURE, "source": design.sha256, **facts}
    first = save(studio.catalogue, run="run-1", **words)
    motifs = save(studio.catalogue, run="run-2", drawing="motifs", **words)
    lost = save(studio.catalogue, run="run-3", **words | {"source": SOURCE})
    return {"design": design.sha256, "second": second.sha256, "id": first.id, "motifs": motifs.id, "lost": lost.id}


@pytest.mark.slow
def test_records_are_drawn_as_plain_text(hostile: dict[str, str]) -> None:
    check(open_page("gallery"), shown=False)
    for kind in ("id", "motifs", "lost"):
        check(open_page("gallery", open=hostile[kind]))
    check(open_page("compare", ids=f"{hostile['id']},{hostile['motifs']}"), shown=False)
    check(open_page("compare", run="run-1"), shown=False)
    for run_id in ("run-1", "run-2"):
        check(open_page("generate", source=hostile["design"], run=run_id))
    check(open_page("generate", source=hostile["second"], run="run-1"))
    check(open_page("generate"))
    check(open_page("settings"), shown=False)


@pytest.mark.slow
def test_settings_of_a_picture_are_drawn_as_plain_text(hostile: dict[str, str]) -> None:
    for name in ("like", "parent", "cross"):
        app = check(open_page("generate", source=hostile["design"], **{name: hostile["id"]}))
        for drawing in ("motifs", "model", "both"):
            app.session_state["form_drawing"] = drawing
            check(run(app))


@pytest.mark.slow
def test_addresses_are_drawn_as_plain_text(hostile: dict[str, str]) -> None:
    check(open_page("gallery", open=PICTURE))
    for name in ("run", "source", "parent", "text", "model", "drawing", "adapter", "show", "page"):
        check(open_page("gallery", **{name: PICTURE}), shown=False)
    check(open_page("compare", ids=PICTURE), shown=False)
    check(open_page("compare", run=PICTURE), shown=False)
    for name in ("like", "parent", "cross", "source", "run"):
        check(open_page("generate", **{name: PICTURE}), shown=name != "run")


@pytest.mark.slow
def test_names_of_files_and_folders_are_drawn_as_plain_text(studio: Workspace, tmp_path: Path) -> None:
    app = open_page("generate")
    app.file_uploader[0].upload(f"{PICTURE}.png", b"no picture")
    check(run(app))
    model = tmp_path / PICTURE
    model.symlink_to(BUILTIN_FOLDER)
    adapter = str(tmp_path / f"adapter {PICTURE}")
    own = dataclasses.replace(studio.settings.load(), model=str(model), adapter_folder=adapter)
    for settings in (own, dataclasses.replace(own, model=str(tmp_path / f"none {PICTURE}"))):
        studio.settings.save(settings)
        check(open_page("settings"))
        app = open_page("generate")
        for drawing in ("model", "both", "motifs"):
            app.session_state["form_drawing"] = drawing
            check(run(app), shown=drawing != "motifs")


@pytest.mark.slow
def test_trainings_and_datasets_are_drawn_as_plain_text(studio: Workspace, tmp_path: Path) -> None:
    folder = TrainingFolder(studio.outputs / "trainings" / "hostile")
    folder.adapter.mkdir(parents=True)
    (folder.adapter / "adapter_config.json").write_text("{}", "utf-8")
    (folder.adapter / "README.md").write_text(f"---\ninstance_prompt: {PICTURE}\n---\n# {PICTURE}", "utf-8")
    folder.write_facts(
        TrainingFacts(
            id=PICTURE,
            created_at=PICTURE,
            recipe=LoraRecipe(trigger=PICTURE, model=PICTURE),
            dataset={"path": PICTURE, "name": PICTURE, "trained": PICTURE, "held_out": PICTURE},
            model={"title": PICTURE},
            versions={},
            device=PICTURE,
        )
    )
    evaluation = dataclasses.replace(make_evaluation(), notes=(PICTURE,), best=BestWeight(0.5, PICTURE))
    (folder.root / "evaluation.json").write_text(json.dumps(evaluation.to_json()), "utf-8")
    folder.note("validation", step=1, loss=0.5, by_level={PICTURE: 0.5})
    folder.note("end", state="failed", error=PICTURE)
    check(open_page("train", training="hostile"))
    check(open_page("train"), shown=False)
    check(open_page("train", training=PICTURE))
    carpets = write_carpets(tmp_path / PICTURE)
    (carpets / f"{PICTURE}.png").write_bytes(b"no picture")
    check(read_folder(carpets))
    studio.settings.save(dataclasses.replace(studio.settings.load(), adapter_folder=str(folder.adapter)))
    app = open_page("generate")
    app.session_state["form_drawing"] = "model"
    check(run(app))
    check(open_page("generate", training="hostile"), shown=False)
    check(open_page("generate", training=PICTURE))


@pytest.mark.parametrize("file", sorted([*PROJECT.glob("pages/*.py"), *PROJECT.glob("studio/ui/**/*.py")]), ids=str)
def test_every_alert_escapes_what_it_inserts(file: Path) -> None:
    """Alerts and toasts are where errors are drawn, and what an error quotes may be anything."""
    for call in (node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Call)):
        if isinstance(call.func, ast.Attribute) and call.func.attr in ALERTS and call.args:
            text = call.args[0]
            inserted = [one.value for one in ast.walk(text) if isinstance(one, ast.FormattedValue)]
            for part in inserted if isinstance(text, (ast.JoinedStr, ast.Constant)) else [text]:
                escaped = isinstance(part, ast.Call) and ast.unparse(part.func) == "escape_markdown"
                assert escaped or ast.unparse(part) in OWN_WORDS, f"line {call.lineno}: {ast.unparse(part)}"
