"""The faces for people and shells: the `jobdeck` command and the terminal application."""
