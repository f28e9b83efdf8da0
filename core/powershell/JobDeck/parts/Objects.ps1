# What the service says as objects with the original's names, and values on their way to it.

enum PSUJobStatus {
    Queued = 0
    Running = 1
    Completed = 2
    Failed = 3
    WaitingOnFeedback = 4
    Canceled = 5
    Canceling = 6
    Historical = 7
    Active = 8
    TimedOut = 9
    Warning = 10
    Error = 11
}

function ConvertTo-Named($Value, [string] $Type) {
    # An object of the service under PascalCase names: `startTime` is StartTime.
    $members = [ordered]@{ PSTypeName = "JobDeck.$Type" }
    foreach ($property in $Value.PSObject.Properties) {
        $members[$property.Name.Substring(0, 1).ToUpperInvariant() + $property.Name.Substring(1)] = $property.Value
    }
    return [pscustomobject] $members
}

function ConvertTo-Job($Value) {
    $job = ConvertTo-Named $Value 'Job'
    $job.Status = [PSUJobStatus] [int] $Value.status
    return $job
}

function Get-Sent($Value) {
    # A value as JSON where that says all of it, else as a CLIXML document, which PowerShell gets as it is.
    if ($null -eq $Value) { return $null }
    $base = if ($Value -is [psobject]) { $Value.PSObject.BaseObject } else { $Value }
    if ($base -is [switch]) { return [bool] $base }
    if ($base -is [bool] -or $base -is [int] -or $base -is [long]) { return $base }
    if ($base -is [string] -and -not $base.TrimStart([char] 0xFEFF, ' ', "`t", "`r", "`n").StartsWith('<', [StringComparison]::Ordinal) -and -not $base.StartsWith('#<', [StringComparison]::Ordinal)) { return $base }
    if ($base -is [System.Collections.IList] -and $base -isnot [byte[]]) {
        $items = [System.Collections.Generic.List[object]]::new()
        foreach ($item in $base) {
            $sent = Get-Sent $item
            if ($sent -is [System.Collections.IDictionary] -or $sent -is [System.Collections.IList]) { $items = $null; break }
            $items.Add($sent)
        }
        if ($null -ne $items) { return , $items.ToArray() }
    }
    return @{ clixml = [System.Management.Automation.PSSerializer]::Serialize($Value, 4) }
}

function Get-JobNumber($Job, $JobId, $RunId) {
    # The key of a job in a path, of whatever was given: a job, a number, a RunId.
    if ($null -ne $Job) {
        $id = if ($Job -is [ValueType] -or $Job -is [string]) { $Job } else { $Job.Id }
        return [string] $id
    }
    if ($RunId) { return [string] $RunId }
    return [string] $JobId
}

function Get-ScriptKey($Script) {
    # The key of a script in a path: a script, its number, its name or its path.
    if ($Script -is [string] -or $Script -is [ValueType]) { return [uri]::EscapeDataString([string] $Script) }
    return [string] $Script.Id
}
