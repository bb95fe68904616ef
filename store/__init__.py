"""SQL through `databases`, one noun a file; the attachments bucket. Imports nothing of ours."""
