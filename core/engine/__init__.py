"""JobService in this process: store, submit, lead."""
