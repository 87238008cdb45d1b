"""Parts of the Settings page, one file a section."""
