"""One function a family of carpets: its layout on an index map. A new family is one entry of a `FAMILIES` here."""
