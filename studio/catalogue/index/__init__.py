"""The SQLite index of an outputs folder: rows, queries, and keeping it equal to the files."""
