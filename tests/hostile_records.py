"""`python -m tests.hostile_records [OUTPUTS]`: every hostile record beside good ones; what is refused, what is shown.

One picture is written for each field of a record and each hostile value, all into one folder with three good pictures.
The catalogue is opened and rebuilt, and every page is drawn on every record that was accepted. Prints one line for each
failure, then the numbers. Exits with 1 if a good picture is missing, a refused file is not named, or a page fails.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from studio.catalogue import Catalogue, GalleryQuery
from studio.catalogue.identifiers import day_of
from tests.support.catalogue_records import save
from tests.support.hostile_records import mutations, write_mutation

PAGES: tuple[tuple[str, str], ...] = (
    ("gallery", "open"),
    ("compare", "ids"),
    ("generate", "like"),
    ("generate", "parent"),
)


def main() -> int:
    """Run the campaign and return the exit code."""
    outputs = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp(prefix="hostile-"))
    with Catalogue(outputs) as catalogue:
        good = {save(catalogue, prompt=f"good {number}").id for number in range(3)}
    names = {write_mutation(outputs, text): name for name, text in mutations()}
    began = time.monotonic()
    failures = [*_check_catalogue(outputs, good, names), *_check_pages(outputs, names)]
    for failure in failures:
        print(failure)
    print(f"{len(names)} records, {len(failures)} failures, {time.monotonic() - began:.0f} s, in {outputs}")
    return 1 if failures else 0


def _check_catalogue(outputs: Path, good: set[str], names: dict[str, str]) -> Iterator[str]:
    with Catalogue(outputs) as catalogue:
        catalogue.wait_until_read()
        for what, report in (("opening", catalogue.opening), ("rebuild", catalogue.rebuild())):
            shown = set(catalogue.ids(GalleryQuery()))
            yield from (f"{what}: the good picture {one} is missing" for one in good - shown)
            named = "\n".join(report.skipped)
            for one in names.keys() - shown:
                if f"{day_of(one)}/{one}.png" not in named:
                    yield f"{what}: {names[one]} is refused without a word"
        print(f"{len(shown) - len(good)} accepted, {len(names) - len(shown) + len(good)} refused and named")


def _check_pages(outputs: Path, names: dict[str, str]) -> Iterator[str]:
    os.environ["STUDIO_OUTPUTS"] = str(outputs)
    from studio.ui.session import workspace
    from studio.workspace import close_workspaces
    from tests.support.pages import open_page

    workspace().catalogue.wait_until_read()
    shown = workspace().catalogue.ids(GalleryQuery())
    for number in range(-(-len(shown) // 24)):
        yield from _try("the gallery", lambda number=number: open_page("gallery", page=str(number + 1)))
    for one in shown:
        for page, parameter in PAGES:
            value = f"{one},{shown[0]}" if parameter == "ids" else one
            action = lambda page=page, parameter=parameter, value=value: open_page(page, **{parameter: value})  # noqa: E731
            yield from _try(f"{page}?{parameter}: {names.get(one, 'a good record')}", action)
    yield from _try("settings", lambda: open_page("settings"))
    close_workspaces()


def _try(what: str, action: object) -> Iterator[str]:
    try:
        action()
    except Exception as error:  # noqa: BLE001  # any failure of a page counts
        yield f"{what}: {type(error).__name__}: {str(error)[:200]}"


if __name__ == "__main__":
    sys.exit(main())
