"""Parts of the Gallery page: filters, the grid of cards, the viewer of one picture, the export for the loom."""
