"""Objects: sources from an object store: Amazon S3 and what speaks like it, Google's, Azure's."""
