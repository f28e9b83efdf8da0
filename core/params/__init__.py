"""What a script asks for, read from the script without running it, and the check of what it is given."""
