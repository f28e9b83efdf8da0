# Running scripts as jobs, and being their console with -Wait.

# our own parameters: a script's parameters of these names go by -Parameters
$script:ownParameters = @(
    'Id', 'Name', 'Script', 'Environment', 'Credential', 'Notes', 'Wait', 'WaitTimeout', 'Queue', 'Parameters', 'Tags', 'ComputerName', 'AppToken'
) + [System.Management.Automation.PSCmdlet]::CommonParameters

function Test-Typed($Invocation, [string] $Name) {
    # Whether the command is called with a parameter written so, as far as the line of the call tells.
    $call = $Invocation.InvocationName
    $line = [System.Management.Automation.Language.Parser]::ParseInput([string] $Invocation.Line, [ref] $null, [ref] $null)
    foreach ($command in $line.FindAll({ $args[0] -is [System.Management.Automation.Language.CommandAst] }, $true)) {
        if ($command.GetCommandName() -ne $call) { continue }
        foreach ($element in $command.CommandElements) {
            if ($element -is [System.Management.Automation.Language.CommandParameterAst] -and $element.ParameterName -eq $Name) { return $true }
        }
    }
    return $false
}

function Invoke-PSUScript {
    <#
    .SYNOPSIS
    Runs a script as a job and gives the job at once, or with -Wait what it sends down the pipeline.
    .DESCRIPTION
    The script's parameters are parameters of this command. With -Wait the job's errors, warnings and information come
    out here, its questions are asked here and its progress is shown here.
    .PARAMETER Parameters
    The script's parameters as a hashtable, instead of or besides dynamic ones.
    .EXAMPLE
    Invoke-PSUScript -Script 'Script1.ps1' -RequiredParameter 'Hello'
    #>
    [CmdletBinding(DefaultParameterSetName = 'Script')]
    param(
        [Parameter(ParameterSetName = 'Script', Mandatory, ValueFromPipeline, Position = 0)] [object] $Script,
        [Parameter(ParameterSetName = 'Id', Mandatory)] [long] $Id,
        [Parameter(ParameterSetName = 'Name', Mandatory)] [string] $Name,
        [object] $Environment, [object] $Credential, [string] $Notes,
        [switch] $Wait, [ValidateRange(0, [int]::MaxValue)] [double] $WaitTimeout, [string] $Queue,
        [System.Collections.IDictionary] $Parameters, [string[]] $Tags,
        [string] $ComputerName, [string] $AppToken
    )
    dynamicparam {
        $found = [System.Management.Automation.RuntimeDefinedParameterDictionary]::new()
        $which = foreach ($one in 'Script', 'Id', 'Name') { if ($PSBoundParameters.ContainsKey($one)) { $PSBoundParameters[$one] } }
        if ($null -eq $which) { return $found }
        $asked = Invoke-Service $PSCmdlet $PSBoundParameters -Path "/script/$(Get-ScriptKey $which)/parameter"
        foreach ($parameter in $asked) {
            if ($parameter.name -in $script:ownParameters -or $found.ContainsKey($parameter.name)) { continue }
            foreach ($own in $script:ownParameters) {
                # the script would silently go without
                if ($PSBoundParameters.ContainsKey($own) -and $own.StartsWith($parameter.name, [StringComparison]::OrdinalIgnoreCase) -and (Test-Typed $MyInvocation $parameter.name)) {
                    $PSCmdlet.ThrowTerminatingError((New-Failure "-$($parameter.name) is short for -$own of this command. Give the script's own parameter with -Parameters @{ $($parameter.name) = … }." 'Ambiguous' InvalidArgument $parameter.name))
                }
            }
            $attributes = [System.Collections.ObjectModel.Collection[Attribute]]::new()
            $attribute = [System.Management.Automation.ParameterAttribute]::new()
            if ($parameter.help) { $attribute.HelpMessage = $parameter.help }
            $attributes.Add($attribute)
            if ($parameter.choices) { $attributes.Add([System.Management.Automation.ValidateSetAttribute]::new([string[]] $parameter.choices)) }
            $type = switch ($parameter.type) { 'switch' { [switch] } 'list' { [object[]] } default { [object] } }
            $found.Add($parameter.name, [System.Management.Automation.RuntimeDefinedParameter]::new($parameter.name, $type, $attributes))
        }
        return $found
    }
    begin {
        $dynamic = @($PSBoundParameters.Keys | Where-Object { $_ -notin $script:ownParameters })
    }
    process {
        if ($Credential) { $PSCmdlet.ThrowTerminatingError((Get-Later 'Credential variables')) }
        if ($Queue) { $PSCmdlet.ThrowTerminatingError((Get-Later 'Queues of several computers')) }
        $values = [ordered]@{}
        if ($Parameters) { foreach ($key in $Parameters.Keys) { $values["$key"] = Get-Sent $Parameters[$key] } }
        foreach ($key in $dynamic) { $values[$key] = Get-Sent $PSBoundParameters[$key] }
        $body = [ordered]@{ parameters = $values }
        switch ($PSCmdlet.ParameterSetName) {
            'Id' { $body.script = $Id }
            'Name' { $body.script = $Name }
            default { $body.script = if ($Script -is [string] -or $Script -is [ValueType]) { $Script } else { $Script.Id } }
        }
        if ($Environment) { $body.environment = if ($Environment -is [string]) { $Environment } else { $Environment.Name } }
        if ($Notes) { $body.notes = $Notes }
        if ($Tags) { $body.tags = @($Tags) }
        if ($env:JOBDECK_CHANNEL -and $MyInvocation.ScriptLineNumber -gt 0) { $body.parentLineNumber = $MyInvocation.ScriptLineNumber }
        # the key makes a request that is sent again after a broken connection the same request
        $headers = @{ 'Idempotency-Key' = [guid]::NewGuid().ToString() }
        $job = ConvertTo-Job (Invoke-Service $PSCmdlet $PSBoundParameters -Method POST -Path '/job' -Body $body -Headers $headers)
        if (-not $Wait) { return $job }
        $until = if ($PSBoundParameters.ContainsKey('WaitTimeout')) { [datetime]::UtcNow.AddSeconds($WaitTimeout) } else { [datetime]::MaxValue }
        Receive-JobRecords $PSCmdlet $PSBoundParameters $job $until
    }
}

function Receive-JobRecords($Cmdlet, $Bound, $Job, [datetime] $Until) {
    # Writes what the job writes until it has ended, and asks what it asks.
    $place = @{ after = 0; text = [Text.StringBuilder]::new(); lines = $Job.Environment -notlike 'PowerShell*' }
    $asked = [System.Collections.Generic.HashSet[int]]::new()
    $pause = 0.05
    while ($true) {
        $now = Invoke-Service $Cmdlet $Bound -Path "/job/$($Job.Id)/wait" -Query @{ timeout = $pause.ToString([cultureinfo]::InvariantCulture) }
        $finished = [int] $now.status -in 2, 3, 5, 9, 10, 11
        $before = $place.after
        Receive-Records $Cmdlet $Bound $Job $place
        if ($finished) { break }
        $pause = if ($place.after -gt $before) { 0.05 } else { [Math]::Min(1, $pause * 1.5) }
        if ([int] $now.status -eq 4) { Send-Answers $Cmdlet $Bound $Job $asked }
        if ([datetime]::UtcNow -ge $Until) {
            $Cmdlet.WriteError((New-Failure "Job $($Job.Id) has not ended in the time that was given; it goes on." 'Timeout' OperationTimeout (ConvertTo-Job $now)))
            return
        }
    }
    if ($place.text.Length) { $Cmdlet.WriteObject($place.text.ToString().TrimEnd("`n")) }
    if ([int] $now.status -in 3, 5, 9) {
        $reason = if ($now.reason) { $now.reason } elseif ($now.exitCode) { "It exited with $($now.exitCode)." } else { '' }
        $Cmdlet.WriteError((New-Failure "Job $($Job.Id) ended as $([PSUJobStatus] [int] $now.status). $reason".Trim() "Job$([PSUJobStatus] [int] $now.status)" OperationStopped (ConvertTo-Job $now)))
    }
}

function Receive-Records($Cmdlet, $Bound, $Job, $Place) {
    # Every record behind the last one seen, each to the stream it came from. A frame is `<QqIII` and its bytes.
    $streams = '3,4,5,6,7,8,9' + $(if ($Place.lines) { ',1' } else { '' })
    $bytes = Invoke-Service $Cmdlet $Bound -Path "/job/$($Job.Id)/records" -Query @{ after = $Place.after; streams = $streams } -Raw
    $at = 0
    while ($at + 28 -le $bytes.Length) {
        $number = [BitConverter]::ToUInt64($bytes, $at)
        $stream = [BitConverter]::ToUInt32($bytes, $at + 16)
        $flags = [BitConverter]::ToUInt32($bytes, $at + 20)
        $length = [BitConverter]::ToUInt32($bytes, $at + 24)
        if ($at + 28 + $length -gt $bytes.Length) { return }
        if ($number) {
            $Place.after = if ($stream -eq 0) { $number + [Math]::Max($flags, 1) - 1 } else { $number }
            $text = [Text.Encoding]::UTF8.GetString($bytes, $at + 28, $length)
            if ($stream -eq 9) {
                # no call of ours for each object: there may be very many
                $value = if ($flags -band 2) { [System.Management.Automation.PSSerializer]::Deserialize($text) } else { ConvertFrom-Json -InputObject $text -NoEnumerate }
                $Cmdlet.WriteObject($value, $false)
            } elseif ($stream) { Write-Record $Cmdlet $stream $flags $text $Place }
        }
        $at += 28 + $length
    }
}

function Write-Record($Cmdlet, $Stream, $Flags, [string] $Text, $Place) {
    if ($Stream -eq 1) {
        # lines of a script that is no PowerShell; what has no line end yet waits
        $null = $Place.text.Append($Text)
        $all = $Place.text.ToString()
        $end = $all.LastIndexOf("`n")
        if ($end -ge 0) {
            foreach ($line in $all.Substring(0, $end) -split "`r?`n") { $Cmdlet.WriteObject($line) }
            $null = $Place.text.Clear().Append($all.Substring($end + 1))
        }
        return
    }
    $told = ConvertFrom-Json -InputObject $Text -AsHashtable
    switch ($Stream) {
        3 {
            if ($told['silent']) { $Cmdlet.WriteInformation([string] $told['message'], [string[]] @()); return }
            $Cmdlet.WriteInformation([System.Management.Automation.HostInformationMessage]@{ Message = [string] $told['message']; NoNewLine = ($Flags -band 4) -ne 0 }, [string[]] @('PSHOST'))
        }
        4 { $Cmdlet.WriteWarning([string] $told['message']) }
        5 { $Cmdlet.WriteVerbose([string] $told['message']) }
        6 { $Cmdlet.WriteDebug([string] $told['message']) }
        7 {
            if ($told['silent']) { return }
            $category = [System.Management.Automation.ErrorCategory]::NotSpecified
            $null = [Enum]::TryParse([string] $told['category'], [ref] $category)
            $id = if ($told['id']) { [string] $told['id'] } else { 'JobDeck.Error' }
            $record = [System.Management.Automation.ErrorRecord]::new([System.Exception]::new([string] $told['message']), $id, $category, $null)
            $Cmdlet.WriteError($record)
        }
        8 {
            $activity = if ($told['activity']) { [string] $told['activity'] } else { 'Job' }
            $record = [System.Management.Automation.ProgressRecord]::new(1, $activity, $(if ($told['status']) { [string] $told['status'] } else { ' ' }))
            if ($null -ne $told['percent']) { $record.PercentComplete = [Math]::Max(-1, [Math]::Min(100, [int] $told['percent'])) }
            if ($null -ne $told['seconds']) { $record.SecondsRemaining = [int] $told['seconds'] }
            if ($told['current_operation']) { $record.CurrentOperation = [string] $told['current_operation'] }
            if ($told['completed']) { $record.RecordType = 'Completed' }
            $Cmdlet.WriteProgress($record)
        }
    }
}
