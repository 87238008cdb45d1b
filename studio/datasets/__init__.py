"""Pictures with captions to train on: read from a folder, a ZIP or the gallery, checked, sized and split."""
