"""REST over any JobService: routes, tokens and roles, live events. Imported only by what serves."""
