"""Scroll position when the view changes: the top of an opened picture, and its card on the way back to the gallery.

Streamlit keeps the scroll position when the view changes. The only variable part of the script is a picture's id.
"""

from __future__ import annotations

import streamlit as st

_LAST_OPENED = "scrolling_left"
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
    """Scroll to the top of an opened picture, once for each picture."""
    st.session_state[_LAST_OPENED] = variation_id
    _run_script(view=variation_id, target="[data-testid=stMain] h1", block="end")


def scroll_back() -> None:
    """Scroll to the card of the picture that was opened last, once."""
    last = st.session_state.get(_LAST_OPENED)
    if last is not None:
        _run_script(view="gallery", target=f".st-key-frame_card_{last}", block="center")


def _run_script(**parts: str) -> None:
    st.html(_SCRIPT.format(**parts), unsafe_allow_javascript=True)
