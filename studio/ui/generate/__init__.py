"""Parts of the Generate page: its address, the run that it shows, colourways."""
