"""Parts of the Gallery page: filters, grid, one picture in its own view, its way to the loom."""
