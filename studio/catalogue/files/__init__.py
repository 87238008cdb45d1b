"""The files of outputs/: where they lie, how they are written whole, and what each says of itself."""
