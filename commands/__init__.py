"""What the roomcast command does beside serving."""
