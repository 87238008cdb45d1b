"""The parts of the pages, drawn with Streamlit; without torch."""
