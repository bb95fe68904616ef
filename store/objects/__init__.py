"""Storage of attachments: a folder or an S3 bucket."""
