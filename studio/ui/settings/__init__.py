"""Parts of the Settings page, one file per section."""
