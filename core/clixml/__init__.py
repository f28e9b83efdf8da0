"""PowerShell's CLIXML: values (`values`), reader, writer, plain JSON values, PowerShell's text form, lazy tree.

`writer`, `values` and `escapes` are standard library only; what reads (`reader`, `tree`) imports lxml.
"""
