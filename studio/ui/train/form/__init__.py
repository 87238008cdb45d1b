"""The form of the Train page: the pictures, the settings, and what they mean together."""
