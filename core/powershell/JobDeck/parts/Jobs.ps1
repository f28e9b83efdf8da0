# Looking at jobs, waiting for them, stopping them.

function Get-PSUJob {
    <#
    .SYNOPSIS
    Jobs: one by its number or RunId, or those that match, newest first.
    .PARAMETER Status
    One status or several; Active and Historical mean every unfinished and every finished one.
    .EXAMPLE
    Get-PSUScript -Name 'Script.ps1' | Get-PSUJob -OrderDirection Descending -First 1
    #>
    [CmdletBinding(DefaultParameterSetName = 'All', SupportsPaging)]
    param(
        [Parameter(ParameterSetName = 'Id', Mandatory, Position = 0)] [long[]] $Id,
        [Parameter(ParameterSetName = 'RunId', Mandatory)] [guid] $RunId,
        [Parameter(ParameterSetName = 'All')] [string[]] $Identity,
        [Parameter(ParameterSetName = 'All', ValueFromPipeline)] [object] $Script,
        [Parameter(ParameterSetName = 'All')] [object] $Schedule,
        [Parameter(ParameterSetName = 'All')] [PSUJobStatus[]] $Status,
        [Parameter(ParameterSetName = 'All')] [ValidateSet('Id', 'StartTime', 'EndTime')] [string] $OrderBy = 'Id',
        [Parameter(ParameterSetName = 'All')] [ValidateSet('Ascending', 'Descending')] [string] $OrderDirection = 'Descending',
        [Parameter(ParameterSetName = 'All')] [switch] $HideChildren,
        [Parameter(ParameterSetName = 'All')] [switch] $HideTriggered,
        [Parameter(ParameterSetName = 'All')] [switch] $HideScheduled,
        [string] $ComputerName, [string] $AppToken
    )
    process {
        if ($PSCmdlet.ParameterSetName -eq 'Id') {
            foreach ($number in $Id) { ConvertTo-Job (Invoke-Service $PSCmdlet $PSBoundParameters -Path "/job/$number") }
            return
        }
        if ($PSCmdlet.ParameterSetName -eq 'RunId') { return ConvertTo-Job (Invoke-Service $PSCmdlet $PSBoundParameters -Path "/job/$RunId") }
        if ($null -ne $Schedule) { $PSCmdlet.ThrowTerminatingError((Get-Later 'Schedules')) }
        $query = [ordered]@{ orderBy = $OrderBy; orderDirection = $OrderDirection }
        if ($Status) { $query.status = ($Status | ForEach-Object { [int] $_ }) -join ',' }
        $terms = [System.Collections.Generic.List[object]]::new()
        if ($Identity) { $terms.Add(@{ field = 'identity'; values = @($Identity) }) }
        if ($null -ne $Script) {
            $text = if ($Script -is [string]) { $Script } elseif ($Script -is [ValueType]) { (Invoke-Service $PSCmdlet $PSBoundParameters -Path "/script/$Script").fullPath } else { $Script.FullPath }
            $terms.Add(@{ field = 'script'; values = @($text) })
        }
        $hidden = @(if ($HideTriggered) { 'trigger' }; if ($HideScheduled) { 'schedule' })
        if ($hidden) { $terms.Add(@{ field = 'source'; values = $hidden; negate = $true }) }
        if ($terms.Count) { $query.term = @($terms | ForEach-Object { ConvertTo-Json -InputObject $_ -Compress }) }
        if ($HideChildren) { $query.hideChildren = 'true' }
        $paging = $PSCmdlet.PagingParameters
        $left = $paging.First
        $query.skip = $paging.Skip
        $query.total = if ($paging.IncludeTotalCount) { 'true' } else { 'false' }
        do {
            $query.take = [Math]::Min($left, 500)
            $answer = Invoke-Service $PSCmdlet $PSBoundParameters -Path '/job' -Query $query
            if ($query.total -eq 'true') { $paging.NewTotalCount($answer.total, 1.0); $query.total = 'false' }
            foreach ($job in $answer.page) { ConvertTo-Job $job }
            $left -= [Math]::Min($left, @($answer.page).Count)
            $query.skip += @($answer.page).Count
        } while ($answer.more -and $left -gt 0)
    }
}

function Wait-PSUJob {
    <#
    .SYNOPSIS
    Waits until a job has ended, for ever or for -Timeout seconds, and gives it back.
    .EXAMPLE
    Invoke-PSUScript -Script 'Script1.ps1' | Tee-Object -Variable job | Wait-PSUJob
    #>
    [CmdletBinding(DefaultParameterSetName = 'Job')]
    param(
        [Parameter(ParameterSetName = 'Job', Mandatory, ValueFromPipeline, Position = 0)] [object] $Job,
        [Parameter(ParameterSetName = 'JobId', Mandatory)] [long] $JobId,
        [Parameter(ParameterSetName = 'RunId', Mandatory)] [Alias('RunId')] [guid] $JobRunId,
        [ValidateRange(0, [int]::MaxValue)] [double] $Timeout,
        [string] $ComputerName, [string] $AppToken
    )
    process {
        $key = Get-JobNumber $Job $JobId $JobRunId
        $clock = [Diagnostics.Stopwatch]::StartNew()
        $limited = $PSBoundParameters.ContainsKey('Timeout')
        while ($true) {
            $slice = if ($limited) { [Math]::Max(0, [Math]::Min(25, $Timeout - $clock.Elapsed.TotalSeconds)) } else { 25 }
            $query = @{ timeout = $slice.ToString([cultureinfo]::InvariantCulture) }
            $now = ConvertTo-Job (Invoke-Service $PSCmdlet $PSBoundParameters -Path "/job/$key/wait" -Query $query)
            if (Test-Finished $now) { return $now }
            if ($limited -and $clock.Elapsed.TotalSeconds -ge $Timeout) {
                $PSCmdlet.WriteError((New-Failure "Job $($now.Id) has not ended within $Timeout s; it is $($now.Status) and goes on." 'Timeout' OperationTimeout $now))
                return
            }
        }
    }
}

function Test-Finished($Job) {
    return [int] $Job.Status -in 2, 3, 5, 9, 10, 11
}

function Get-PSUJobOutput {
    <#
    .SYNOPSIS
    The text that a job wrote to any stream, line by line (warnings and the like with that word in front); with
    -AsObject each with its type and time.
    #>
    [CmdletBinding(DefaultParameterSetName = 'Job')]
    param(
        [Parameter(ParameterSetName = 'Job', Mandatory, ValueFromPipeline, Position = 0)] [object] $Job,
        [Parameter(ParameterSetName = 'JobId', Mandatory)] [long] $JobId,
        [Parameter(ParameterSetName = 'RunId', Mandatory)] [guid] $RunId,
        [switch] $AsObject,
        [ValidateRange(1, [int]::MaxValue)] [int] $Limit,
        [string] $ComputerName, [string] $AppToken
    )
    process {
        $key = Get-JobNumber $Job $JobId $RunId
        $number = 0
        foreach ($entry in (Invoke-Service $PSCmdlet $PSBoundParameters -Path "/job/$key/output")) {
            if ($Limit -and $number -ge $Limit) { return }
            $number++
            if ($AsObject) { ConvertTo-Named $entry 'JobOutput' } else { ('', 'DEBUG: ', 'VERBOSE: ', 'WARNING: ', 'ERROR: ')[$entry.type] + $entry.message }
        }
    }
}

function Get-PSUJobPipelineOutput {
    <#
    .SYNOPSIS
    The objects that a job sent down the pipeline, deserialized.
    #>
    [CmdletBinding(DefaultParameterSetName = 'Job')]
    param(
        [Parameter(ParameterSetName = 'Job', Mandatory, ValueFromPipeline, Position = 0)] [object] $Job,
        [Parameter(ParameterSetName = 'JobId', Mandatory)] [long] $JobId,
        [Parameter(ParameterSetName = 'RunId', Mandatory)] [guid] $RunId,
        [string] $ComputerName, [string] $AppToken
    )
    process {
        $key = Get-JobNumber $Job $JobId $RunId
        $start = 0
        $size = 1000
        do {
            $page = @(Invoke-Service $PSCmdlet $PSBoundParameters -Path "/job/$key/objects" -Query @{ start = $start; count = $size })[0]
            foreach ($item in $page) {
                # no call of ours for each object: there may be very many
                $data = if ($item.PSObject.Properties['data']) { $item.data } else { [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($item.dataBase64)) }
                $value = if ($item.format -eq 'clixml') { [System.Management.Automation.PSSerializer]::Deserialize($data) } else { ConvertFrom-Json -InputObject $data -NoEnumerate }
                $PSCmdlet.WriteObject($value, $false)
            }
            $start += $page.Count
        } while ($page.Count -eq $size)
    }
}

function Get-PSUJobParameter {
    <#
    .SYNOPSIS
    The parameters that a job was run with; secrets are $null.
    #>
    [CmdletBinding(DefaultParameterSetName = 'Job')]
    param(
        [Parameter(ParameterSetName = 'Job', Mandatory, ValueFromPipeline, Position = 0)] [object] $Job,
        [Parameter(ParameterSetName = 'JobId', Mandatory)] [long] $JobId,
        [Parameter(ParameterSetName = 'RunId', Mandatory)] [guid] $RunId,
        [string] $ComputerName, [string] $AppToken
    )
    process {
        $found = Invoke-Service $PSCmdlet $PSBoundParameters -Path "/job/$(Get-JobNumber $Job $JobId $RunId)"
        foreach ($parameter in $found.parameters.PSObject.Properties) {
            $value = $parameter.Value
            if ($value -is [pscustomobject] -and (@($value.PSObject.Properties.Name) -join ',') -eq 'clixml') { $value = [System.Management.Automation.PSSerializer]::Deserialize($value.clixml) }
            [pscustomobject]@{ PSTypeName = 'JobDeck.JobParameter'; Name = $parameter.Name; Value = $value; JobId = $found.id }
        }
    }
}

function Stop-PSUJob {
    <#
    .SYNOPSIS
    Asks a job to end: it does within its grace time.
    #>
    [CmdletBinding(DefaultParameterSetName = 'Job')]
    param(
        [Parameter(ParameterSetName = 'Job', Mandatory, ValueFromPipeline, Position = 0)] [object] $Job,
        [Parameter(ParameterSetName = 'JobId', Mandatory)] [long] $JobId,
        [Parameter(ParameterSetName = 'RunId', Mandatory)] [guid] $RunId,
        [string] $ComputerName, [string] $AppToken
    )
    process {
        ConvertTo-Job (Invoke-Service $PSCmdlet $PSBoundParameters -Method POST -Path "/job/$(Get-JobNumber $Job $JobId $RunId)/cancel")
    }
}

function Write-PSUError {
    <#
    .SYNOPSIS
    Writes an error to the job's error stream and goes on.
    #>
    [CmdletBinding(DefaultParameterSetName = 'Message')]
    param(
        [Parameter(ParameterSetName = 'Message', Mandatory, ValueFromPipeline, Position = 0)] [string] $Message,
        [Parameter(ParameterSetName = 'Record', Mandatory)] [System.Management.Automation.ErrorRecord] $ErrorRecord,
        [Parameter(ParameterSetName = 'Exception', Mandatory)] [exception] $Exception
    )
    process {
        if ($ErrorRecord) { $PSCmdlet.WriteError($ErrorRecord) }
        elseif ($Exception) { $PSCmdlet.WriteError([System.Management.Automation.ErrorRecord]::new($Exception, 'JobDeck.Error', 'NotSpecified', $null)) }
        else { $PSCmdlet.WriteError((New-Failure $Message 'Error' NotSpecified)) }
    }
}
