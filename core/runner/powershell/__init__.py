"""PowerShell jobs: a thin client of `pwsh -s`. Only headers of messages are parsed; payloads are journalled as sent."""
