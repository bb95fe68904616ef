"""Work on old rows: recounting and retention."""
