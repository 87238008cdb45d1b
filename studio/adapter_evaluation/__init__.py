"""An adapter against its base model, on designs that it has not seen."""
