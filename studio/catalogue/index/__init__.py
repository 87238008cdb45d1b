"""The SQLite index of outputs/: rows, queries, and bringing it to what the files say."""
