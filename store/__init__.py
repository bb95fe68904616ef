"""SQL through `databases`, one noun a file, and the attachments bucket. Imports nothing of ours."""
