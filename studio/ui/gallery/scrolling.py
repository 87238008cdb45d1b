"""Where a page stands after it has changed: at its top for another view, at the card that was left on the way back.

Streamlit keeps the page's scroll position whatever is drawn. The scripts are constant but for an id of the catalogue.
"""

from __future__ import annotations

import streamlit as st

_LEFT = "scrolling_left"
_SCRIPT = """<script>
(() => {{
  const key = "studio-view", view = "{view}";
  if (window.sessionStorage.getItem(key) === view) return;
  window.sessionStorage.setItem(key, view);
  let tries = 0;
  const move = () => {{
    const target = document.querySelector("{target}");
    if (target) target.scrollIntoView({{ block: "{block}" }});
    else if (tries++ < 40) window.setTimeout(move, 50);
  }};
  move();
}})();
</script>"""


def scroll_to_top(variation_id: str) -> None:
    """Begin a picture's view at its top, once for each picture."""
    st.session_state[_LEFT] = variation_id
    _run(view=variation_id, target="[data-testid=stMain] h1", block="end")


def scroll_back() -> None:
    """Bring the card of the picture that was open last into sight, once."""
    left = st.session_state.get(_LEFT)
    if left is not None:
        _run(view="gallery", target=f".st-key-frame_card_{left}", block="center")


def _run(**parts: str) -> None:
    st.html(_SCRIPT.format(**parts), unsafe_allow_javascript=True)
