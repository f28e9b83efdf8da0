# Scripts on record.

function Get-PSUScript {
    <#
    .SYNOPSIS
    Scripts: all of them, one by its number or path, or those of a name (with wildcards) or a tag.
    #>
    [CmdletBinding(DefaultParameterSetName = 'All')]
    param(
        [Parameter(ParameterSetName = 'Id', Mandatory)] [long] $Id,
        [Parameter(ParameterSetName = 'Name', Mandatory, Position = 0)] [string] $Name,
        [Parameter(ParameterSetName = 'Tag', Mandatory)] [string[]] $Tag,
        [string] $ComputerName, [string] $AppToken
    )
    if ($PSCmdlet.ParameterSetName -eq 'Id') { return ConvertTo-Named (Invoke-Service $PSCmdlet $PSBoundParameters -Path "/script/$Id") 'Script' }
    if ($Name -and -not [WildcardPattern]::ContainsWildcardCharacters($Name)) {
        return ConvertTo-Named (Invoke-Service $PSCmdlet $PSBoundParameters -Path "/script/$([uri]::EscapeDataString($Name))") 'Script'
    }
    foreach ($one in (Invoke-Service $PSCmdlet $PSBoundParameters -Path '/script')) {
        if ($Name -and $one.name -notlike $Name) { continue }
        if ($Tag -and -not @($one.tags | Where-Object { $_ -in $Tag }).Count) { continue }
        ConvertTo-Named $one 'Script'
    }
}

function Get-ScriptSettings($Bound) {
    # The fields of a script that were given, under the service's names.
    $settings = [ordered]@{}
    foreach ($name in 'Description', 'Notes', 'Environment', 'TimeOut', 'MaxHistory', 'ConcurrentJobs', 'RetryLimit', 'WorkingDirectory') {
        if ($Bound.ContainsKey($name)) { $settings[$name.Substring(0, 1).ToLowerInvariant() + $name.Substring(1)] = $Bound[$name] }
    }
    foreach ($name in 'DisableManualInvocation', 'DiscardPipeline') {
        if ($Bound.ContainsKey($name)) { $settings[$name.Substring(0, 1).ToLowerInvariant() + $name.Substring(1)] = [bool] $Bound[$name] }
    }
    if ($Bound.ContainsKey('Tag')) { $settings.tags = @($Bound['Tag']) }
    if ($Bound.ContainsKey('ScriptErrorAction')) { $settings.errorAction = $Bound['ScriptErrorAction'] }
    if ($Bound.ContainsKey('ScriptBlock')) { $settings.content = $Bound['ScriptBlock'].ToString() }
    if ($Bound.ContainsKey('Content')) { $settings.content = $Bound['Content'] }
    return $settings
}

function New-PSUScript {
    <#
    .SYNOPSIS
    Puts a script on record: with -ScriptBlock or -Content one that the service keeps itself, with -Path a file of the server.
    #>
    [CmdletBinding(DefaultParameterSetName = 'ScriptBlock')]
    param(
        [Parameter(ParameterSetName = 'ScriptBlock', Mandatory, Position = 0)] [Parameter(ParameterSetName = 'Content', Mandatory, Position = 0)] [string] $Name,
        [Parameter(ParameterSetName = 'ScriptBlock', Mandatory, Position = 1)] [scriptblock] $ScriptBlock,
        [Parameter(ParameterSetName = 'Content', Mandatory)] [AllowEmptyString()] [string] $Content,
        [Parameter(ParameterSetName = 'Path', Mandatory)] [string] $Path,
        [string] $Description, [string] $Notes, [string] $Environment, [double] $TimeOut, [int] $MaxHistory, [int] $ConcurrentJobs, [int] $RetryLimit,
        [string] $WorkingDirectory, [switch] $DisableManualInvocation, [switch] $DiscardPipeline, [Alias('Tags')] [string[]] $Tag,
        [ValidateSet('SilentlyContinue', 'Stop', 'Continue', 'Inquire', 'Ignore', 'Break')] [string] $ScriptErrorAction,
        [string] $ComputerName, [string] $AppToken
    )
    $body = Get-ScriptSettings $PSBoundParameters
    $body.fullPath = if ($Path) { $Path } else { $Name }
    ConvertTo-Named (Invoke-Service $PSCmdlet $PSBoundParameters -Method POST -Path '/script' -Body $body) 'Script'
}

function Set-PSUScript {
    <#
    .SYNOPSIS
    Changes a script: the settings that are given, and its content where the service keeps it itself.
    #>
    [CmdletBinding(DefaultParameterSetName = 'Script')]
    param(
        [Parameter(ParameterSetName = 'Script', Mandatory, ValueFromPipeline, Position = 0)] [object] $Script,
        [Parameter(ParameterSetName = 'Id', Mandatory)] [long] $Id,
        [Parameter(ParameterSetName = 'Name', Mandatory)] [string] $Name,
        [scriptblock] $ScriptBlock, [AllowEmptyString()] [string] $Content,
        [string] $Description, [string] $Notes, [string] $Environment, [double] $TimeOut, [int] $MaxHistory, [int] $ConcurrentJobs, [int] $RetryLimit,
        [string] $WorkingDirectory, [switch] $DisableManualInvocation, [switch] $DiscardPipeline, [Alias('Tags')] [string[]] $Tag,
        [ValidateSet('SilentlyContinue', 'Stop', 'Continue', 'Inquire', 'Ignore', 'Break')] [string] $ScriptErrorAction,
        [string] $ComputerName, [string] $AppToken
    )
    process {
        $which = switch ($PSCmdlet.ParameterSetName) { 'Id' { $Id } 'Name' { $Name } default { $Script } }
        ConvertTo-Named (Invoke-Service $PSCmdlet $PSBoundParameters -Method PUT -Path "/script/$(Get-ScriptKey $which)" -Body (Get-ScriptSettings $PSBoundParameters)) 'Script'
    }
}

function Remove-PSUScript {
    <#
    .SYNOPSIS
    Forgets a script; its jobs stay.
    #>
    [CmdletBinding(DefaultParameterSetName = 'Script')]
    param(
        [Parameter(ParameterSetName = 'Script', Mandatory, ValueFromPipeline, Position = 0)] [object] $Script,
        [Parameter(ParameterSetName = 'Id', Mandatory)] [long] $Id,
        [Parameter(ParameterSetName = 'Name', Mandatory)] [string] $Name,
        [string] $ComputerName, [string] $AppToken
    )
    process {
        $which = switch ($PSCmdlet.ParameterSetName) { 'Id' { $Id } 'Name' { $Name } default { $Script } }
        $null = Invoke-Service $PSCmdlet $PSBoundParameters -Method DELETE -Path "/script/$(Get-ScriptKey $which)"
    }
}

function Get-PSUScriptParameter {
    <#
    .SYNOPSIS
    What a script asks for.
    #>
    [CmdletBinding(DefaultParameterSetName = 'Script')]
    param(
        [Parameter(ParameterSetName = 'Script', Mandatory, ValueFromPipeline, Position = 0)] [object] $Script,
        [Parameter(ParameterSetName = 'Id', Mandatory)] [long] $Id,
        [Parameter(ParameterSetName = 'Name', Mandatory)] [string] $Name,
        [string] $ComputerName, [string] $AppToken
    )
    process {
        $which = switch ($PSCmdlet.ParameterSetName) { 'Id' { $Id } 'Name' { $Name } default { $Script } }
        foreach ($one in (Invoke-Service $PSCmdlet $PSBoundParameters -Path "/script/$(Get-ScriptKey $which)/parameter")) { ConvertTo-Named $one 'ScriptParameter' }
    }
}
