"""What the roomcast command does besides serving."""
