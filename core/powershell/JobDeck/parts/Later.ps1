# What the original has and jobdeck not yet: it says so instead of not being found.

function Get-Later([string] $What) {
    return New-Failure "$What are not there yet in this version of jobdeck." 'NotImplemented' NotImplemented
}

$notYet = {
    # Not there yet: says so.
    [CmdletBinding()] param([Parameter(ValueFromPipeline)] $InputObject, [Parameter(ValueFromRemainingArguments)] $Arguments)
    process { $PSCmdlet.ThrowTerminatingError((Get-Later "$(($MyInvocation.MyCommand.Name -split '-PSU')[1])s")) }
}
foreach ($noun in 'Schedule', 'Trigger', 'Variable') {
    foreach ($verb in 'New', 'Get', 'Set', 'Remove') { Set-Item -LiteralPath "function:script:$verb-PSU$noun" -Value $notYet }
}
