"""The load: a second process, on the other core, that plays all the people of one round."""
