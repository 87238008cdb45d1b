"""Families of carpets: a module for each group of drawing functions, and the registry of all families.

To add a family:

1. Write `draw_<name>(draft: Draft) -> Drawing` in the module of its group. It takes inks from the draft, draws an
   index map in 4 to 16 of them, claims only a symmetry that the map has exactly, and adds phrases for the caption with
   `draft.say`.
2. Add one entry to `FAMILIES` in `registry.py`.
3. Add the words of its phrases and of its motif to `PHRASE_WORDS` in `studio/carpets/captions.py`; a test names those
   that are missing.

The tests run over all entries. A new entry does not change the carpets of a named family, but changes which family a
seed draws when none is named, and with it the training stream. A trained model does not know the new words.
"""
