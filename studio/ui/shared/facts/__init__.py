"""What is known of designs and pictures, as text for designers, and drawn."""
