"""Parts of pages: drawn with Streamlit, light, used by more than one page or too long for one."""
