"""The files of an outputs folder: paths, atomic writing, sidecars and PNG metadata."""
