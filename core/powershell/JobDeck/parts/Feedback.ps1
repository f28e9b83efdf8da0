# Questions that jobs ask.

function Get-PSUJobFeedback {
    <#
    .SYNOPSIS
    The questions that a job asked, or of all waiting jobs the open ones.
    #>
    [CmdletBinding(DefaultParameterSetName = 'All')]
    param(
        [Parameter(ParameterSetName = 'Job', Mandatory, ValueFromPipeline, Position = 0)] [object] $Job,
        [Parameter(ParameterSetName = 'JobId', Mandatory)] [long] $JobId,
        [Parameter(ParameterSetName = 'RunId', Mandatory)] [guid] $RunId,
        [string] $ComputerName, [string] $AppToken
    )
    process {
        if ($PSCmdlet.ParameterSetName -ne 'All') {
            foreach ($one in (Invoke-Service $PSCmdlet $PSBoundParameters -Path "/job/$(Get-JobNumber $Job $JobId $RunId)/feedback")) { ConvertTo-Named $one 'JobFeedback' }
            return
        }
        foreach ($waiting in (Invoke-Service $PSCmdlet $PSBoundParameters -Path '/job' -Query @{ status = 4; take = 500; total = 'false' }).page) {
            foreach ($one in (Invoke-Service $PSCmdlet $PSBoundParameters -Path "/job/$($waiting.id)/feedback")) {
                if (-not $one.complete) { ConvertTo-Named $one 'JobFeedback' }
            }
        }
    }
}

function Set-PSUJobFeedback {
    <#
    .SYNOPSIS
    Answers a question of a job.
    .PARAMETER Response
    The answer; for a question of several fields a hashtable of their names and values.
    #>
    [CmdletBinding()]
    param(
        [Parameter(Mandatory, ValueFromPipeline)] [object] $JobFeedback,
        [Parameter(Mandatory, Position = 0)] [AllowEmptyString()] [object] $Response,
        [string] $ComputerName, [string] $AppToken
    )
    process {
        $body = if ($Response -is [System.Collections.IDictionary]) {
            $fields = [ordered]@{}
            foreach ($name in $Response.Keys) { $fields["$name"] = Get-Clear $Response[$name] }
            @{ fields = $fields }
        } else { @{ response = Get-Clear $Response } }
        $null = Invoke-Service $PSCmdlet $PSBoundParameters -Method POST -Path "/job/$($JobFeedback.Job)/feedback/$($JobFeedback.Id)" -Body $body
    }
}

function Get-Clear($Value) {
    # The text of an answer; a SecureString's secret.
    if ($Value -is [securestring]) { return [System.Net.NetworkCredential]::new('', $Value).Password }
    return [string] $Value
}

function Send-Answers($Cmdlet, $Bound, $Job, $Asked) {
    # Asks here what the job asks, and sends the answers. What was answered by somebody else meanwhile is left.
    foreach ($question in (Invoke-Service $Cmdlet $Bound -Path "/job/$($Job.Id)/feedback")) {
        if ($question.complete -or -not $Asked.Add([int] $question.id)) { continue }
        if ($question.choices -and -not $question.multiple) {
            $choices = [System.Collections.ObjectModel.Collection[System.Management.Automation.Host.ChoiceDescription]]::new()
            foreach ($choice in $question.choices) { $choices.Add([System.Management.Automation.Host.ChoiceDescription]::new((Get-HotkeyLabel $choice), [string] $choice.help)) }
            $default = [Math]::Max(0, [array]::IndexOf(@($question.choices.label), [string] $question.default))
            $index = $Cmdlet.Host.UI.PromptForChoice([string] $question.caption, [string] $question.message, $choices, $default)
            $body = @{ response = $question.choices[$index].label }
        } elseif ($question.fields) {
            $fields = [ordered]@{}
            foreach ($field in $question.fields) {
                $label = if ($field.label) { $field.label } else { $field.name }
                $secret = $field.type -in 'secret', 'credential'
                $fields[$field.name] = if ($secret) { Read-Host -Prompt $label -MaskInput } else { Read-Host -Prompt $label }
            }
            $body = @{ fields = $fields }
        } else {
            $message = [string] $question.message -replace ':\s*$', ''
            $arguments = @{}
            if ($message) { $arguments.Prompt = $message }
            if ($question.secret) { $arguments.MaskInput = $true }
            $body = @{ response = [string] (Read-Host @arguments) }
        }
        try { $null = Invoke-Service $Cmdlet $Bound -Method POST -Path "/job/$($Job.Id)/feedback/$($question.id)" -Body $body -NoTermination }
        catch {
            if ($_.FullyQualifiedErrorId -like 'JobDeck.Invalid*') { $Cmdlet.WriteWarning($_.Exception.Message); $null = $Asked.Remove([int] $question.id) }
            elseif ($_.FullyQualifiedErrorId -notlike 'JobDeck.Conflict*') { $Cmdlet.ThrowTerminatingError($_) }
        }
    }
}

function Get-HotkeyLabel($Choice) {
    # PowerShell marks a hotkey by & in the label.
    $label = [string] $Choice.label
    if (-not $Choice.hotkey -or $label.Contains('&')) { return $label }
    $at = $label.IndexOf([string] $Choice.hotkey, [StringComparison]::OrdinalIgnoreCase)
    if ($at -lt 0) { return $label }
    return $label.Insert($at, '&')
}
