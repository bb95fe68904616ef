"""What a message, a join and an open socket cost, beside a bare server in the same run."""
