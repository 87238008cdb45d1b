"""What a carpet is drawn of: motifs, vines, borders, medallions and fillings, on index maps."""
