"""A design drawn anew from its own motifs."""
