"""The routes, by what they are about. Each module has `add(api)`."""
