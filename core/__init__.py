"""jobdeck's engine room: everything that runs and records jobs, and nothing that draws them."""
