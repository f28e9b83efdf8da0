"""Write, read, follow, index and search the record of one job. Standard library only."""
