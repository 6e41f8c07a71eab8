"""How results look: pure functions from the controller's data to text."""
