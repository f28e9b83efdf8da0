"""The process that owns one job. Standard library only, and lean: it starts in milliseconds."""
