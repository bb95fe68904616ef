"""Where the bytes of attachments are stored: a folder or an S3 bucket."""
