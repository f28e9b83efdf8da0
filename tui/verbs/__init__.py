"""One command per file, for shells and pipes."""
