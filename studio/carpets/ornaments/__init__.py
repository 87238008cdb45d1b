"""The ornaments that families share: motifs, vines, borders, medallions and field patterns, on index maps."""
