"""Parts of the Generate page: its address, its form, the run that it shows, colourways."""
