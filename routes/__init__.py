"""HTTP: hand-written functions, one noun a file, its route table at the foot."""
