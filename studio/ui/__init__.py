"""What pages are made of: drawn with Streamlit, without torch."""
