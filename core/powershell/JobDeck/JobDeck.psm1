# JobDeck: run scripts as jobs from PowerShell, and look at them. Plain PowerShell over jobdeck's REST API.
#
# Inside a job nothing needs to be given: the job's own socket and token are used. Outside: -ComputerName and -AppToken
# on every command, Connect-PSUServer, or JOBDECK_SERVER and JOBDECK_TOKEN.

Set-StrictMode -Version 3.0

foreach ($part in 'Connection', 'Objects', 'Jobs', 'Invoke', 'Feedback', 'Scripts', 'Administration', 'Later') {
    . ([IO.Path]::Combine($PSScriptRoot, 'parts', "$part.ps1"))
}

$functions = (Import-PowerShellDataFile -LiteralPath ([IO.Path]::Combine($PSScriptRoot, 'JobDeck.psd1'))).FunctionsToExport
foreach ($name in $functions) {
    Set-Alias -Name ($name -replace '-PSU', '-UA') -Value $name
}
Export-ModuleMember -Function $functions -Alias ($functions -replace '-PSU', '-UA')
